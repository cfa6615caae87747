// The queries of docs/operating.md as one page in the portal, under the app's Application Insights.
param displayName string
param location string
param tags object
param insightsId string

var parts = [
  {
    title: 'Checks, failed checks, new mails'
    query: loadTextContent('../queries/activity.kql')
    look: 'timechart'
  }
  {
    title: 'Seconds from arrival to the 2xx'
    query: loadTextContent('../queries/latency.kql')
    look: 'timechart'
  }
  {
    title: 'What was due, what is stale'
    query: loadTextContent('../queries/backlog.kql')
    look: 'timechart'
  }
  {
    title: 'Tokens renewed, renewals put off'
    query: loadTextContent('../queries/refreshes.kql')
    look: 'timechart'
  }
  {
    title: 'What only the operator can mend'
    query: loadTextContent('../queries/alarms.kql')
    look: 'table'
  }
  {
    title: 'Failed checks by code (docs/errors.md)'
    query: loadTextContent('../queries/failures.kql')
    look: 'table'
  }
  {
    title: 'Deliveries by endpoint and outcome'
    query: loadTextContent('../queries/deliveries.kql')
    look: 'table'
  }
]

// Types 9 and 3 are a workbook's parameters and a query; the queries take the range of time from it.
var timeRange = [
  {
    type: 9
    name: 'range'
    content: {
      version: 'KqlParameterItem/1.0'
      style: 'pills'
      queryType: 0
      resourceType: 'microsoft.insights/components'
      parameters: [
        {
          id: guid(insightsId, 'range')
          version: 'KqlParameterItem/1.0'
          name: 'Range'
          type: 4
          isRequired: true
          value: {
            durationMs: 86400000
          }
          typeSettings: {
            selectableValues: [
              {
                durationMs: 3600000
              }
              {
                durationMs: 14400000
              }
              {
                durationMs: 86400000
              }
              {
                durationMs: 604800000
              }
            ]
            allowCustom: true
          }
        }
      ]
    }
  }
]

var charts = [for part in parts: {
  type: 3
  name: part.title
  customWidth: '50'
  content: {
    version: 'KqlItem/1.0'
    query: part.query
    size: 0
    title: part.title
    timeContextFromParameter: 'Range'
    queryType: 0
    resourceType: 'microsoft.insights/components'
    visualization: part.look
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    category: 'workbook'
    sourceId: insightsId
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat(timeRange, charts)
      fallbackResourceIds: [
        insightsId
      ]
    })
  }
}
