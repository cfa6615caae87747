// Who hears of what, and when. Each rule is a query of infra/queries; each costs a little a month.
param namePrefix string
param location string
param tags object
param insightsId string

@description('Who is told; empty: alerts are seen in the portal only.')
param email string

// severity: 0 is the worst, 4 the least. A window that is longer than `every` sees late records.
var rules = [
  {
    name: 'app-silent'
    says: 'The timer has not run: no mailbox is read. Is the app stopped? docs/operating.md, timer_late.'
    query: loadTextContent('../queries/alert-silent.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
  }
  {
    name: 'health-degraded'
    says: 'The app needs its operator, or active mailboxes are not read: GET /api/health/details says why.'
    query: loadTextContent('../queries/alert-degraded.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'credential-expiry'
    says: 'The client secret or certificate ends soon, or has ended: docs/deploying.md, Change a secret.'
    query: loadTextContent('../queries/alert-credential.kql')
    severity: 2
    every: 'PT6H'
    window: 'P1D'
  }
  {
    name: 'dead-letters'
    says: 'Events were given up after all their attempts: GET /api/deliveries lists them, to be replayed.'
    query: loadTextContent('../queries/alert-dead.kql')
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'poison'
    says: 'A batch of mailboxes failed three times. They come due again by themselves; the log says why.'
    query: loadTextContent('../queries/alert-poison.kql')
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'error-rate'
    says: 'Many requests fail, or functions raise: failures in Application Insights shows which.'
    query: loadTextContent('../queries/alert-errors.kql')
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${namePrefix}-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'unseen'
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

// A query that finds a row is an alarm: what is normal is left out in the query itself.
resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${namePrefix}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${namePrefix}: ${rule.name}'
    description: rule.says
    enabled: true
    severity: rule.severity
    evaluationFrequency: rule.every
    windowSize: rule.window
    scopes: [
      insightsId
    ]
    // Tables of the log come into being with the first record: a new app has none yet.
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: empty(email) ? [] : [
        people.id
      ]
    }
  }
}]
