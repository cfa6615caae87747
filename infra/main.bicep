// All that Unseen needs in Azure: `azd up` in the root of the project, see docs/deploying.md.
//
// What the app has a default for is empty here: the default then stands in one place, in the app.
// Parameters are texts, because azd hands over what its environment holds.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; all names are made of it.')
param environmentName string

@minLength(1)
@description('Where everything is. Flex Consumption is not everywhere: az functionapp list-flexconsumption-locations')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Object id of whoever deploys, who puts the secrets into the vault. A hook finds it.')
param secretsOfficerId string

@description('recover: the vault of a removed environment comes back. A hook finds out.')
@allowed([
  'default'
  'recover'
])
param keyVaultCreateMode string = 'default'

// What it runs on

@description('Memory of an instance: 512 is a quarter of a core, 2048 one core.')
@allowed([
  '512'
  '2048'
  '4096'
])
param instanceMemoryMB string = '512'

@description('Instances at most, 1 to 1000. Timer, queues and HTTP scale apart.')
param maximumInstanceCount string = '40'

@description('HTTP instances that are always ready; they are paid for always.')
param alwaysReadyHttp string = '0'

@description('Copies of storage: Standard_LRS, or Standard_ZRS in three zones.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
])
param storageRedundancy string = 'Standard_LRS'

@description('GB of log that are taken a day.')
param logDailyCapGb string = '1'

@description('Whether there are alert rules.')
param alerts string = 'true'

@description('Who is told of an alert.')
param alertEmail string = ''

// The registration at Microsoft

@description('Application (client) id of the registration. A hook makes it.')
param clientId string

@description('secret, certificate, or federated: no secret at all, for work accounts.')
@allowed([
  'secret'
  'certificate'
  'federated'
])
param clientCredential string = 'secret'

@description('The day on which the client secret ends. A hook decides it.')
param clientSecretExpiresOn string = ''

@description('Who may sign in: https://login.microsoftonline.com/ and common, organizations, consumers or a tenant id.')
param authority string = ''

@description('Which Microsoft cloud the mailboxes are in.')
param cloud string = ''

// Settings of the app, see the README's table

@description('Where webhooks go, https://…')
@secure()
param webhookUrl string

@description('Where browsers reach the app, with a domain of your own.')
param publicBaseUrl string = ''

@description('Whether access tokens are given out; ACCESS_TOKEN_KEY is then made.')
param accessTokens string = 'false'

param appName string = ''
param shards string = ''
param shardsBefore string = ''
param openConnect string = ''
param openLoginsLimit string = ''
param returnUrls string = ''
param sending string = ''
param checkIntervalSeconds string = ''
param refreshWindowMinutes string = ''
param claimSeconds string = ''
param checkFor string = ''
param markSeen string = ''
param backlogLimit string = ''
param maxMailBytes string = ''
param eventBodyLimit string = ''
param imapHost string = ''
param smtpHost string = ''
param allowPrivateEndpoints string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-unseen-${token}'
    location: location
    tags: tags
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stunseen${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    redundancy: storageRedundancy
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-unseen-${token}'
    insightsName: 'appi-unseen-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    dailyCapGb: logDailyCapGb
  }
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-unseen-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    officerId: secretsOfficerId
    workspaceId: monitoring.outputs.workspaceId
    createMode: keyVaultCreateMode
  }
}

module app 'app/function.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-unseen-${token}'
    planName: 'plan-unseen-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.resourceId
    identityClientId: identity.outputs.clientId
    blobUri: storage.outputs.blobUri
    queueUri: storage.outputs.queueUri
    tableUri: storage.outputs.tableUri
    packagesUri: storage.outputs.packagesUri
    vaultUri: vault.outputs.uri
    insightsConnectionString: monitoring.outputs.connectionString
    publicBaseUrl: publicBaseUrl
    clientCredential: clientCredential
    accessTokens: toLower(accessTokens) == 'true'
    instanceMemoryMB: int(instanceMemoryMB)
    maximumInstanceCount: int(maximumInstanceCount)
    alwaysReadyHttp: int(alwaysReadyHttp)
    settings: {
      ALLOW_PRIVATE_ENDPOINTS: allowPrivateEndpoints
      APP_NAME: appName
      AUTHORITY: authority
      BACKLOG_LIMIT: backlogLimit
      CHECK_FOR: checkFor
      CHECK_INTERVAL_SECONDS: checkIntervalSeconds
      CLAIM_SECONDS: claimSeconds
      CLIENT_ID: clientId
      CLIENT_SECRET_EXPIRES_ON: clientCredential == 'secret' ? clientSecretExpiresOn : ''
      CLOUD: cloud
      EVENT_BODY_LIMIT: eventBodyLimit
      IMAP_HOST: imapHost
      MARK_SEEN: markSeen
      MAX_MAIL_BYTES: maxMailBytes
      OPEN_CONNECT: openConnect
      OPEN_LOGINS_LIMIT: openLoginsLimit
      REFRESH_WINDOW_MINUTES: refreshWindowMinutes
      RETURN_URLS: returnUrls
      SENDING: sending
      SHARDS: shards
      SHARDS_BEFORE: shardsBefore
      SMTP_HOST: smtpHost
      WEBHOOK_URL: webhookUrl
    }
  }
}

module rules 'app/alerts.bicep' = if (toLower(alerts) == 'true') {
  name: 'alerts'
  scope: group
  params: {
    namePrefix: 'unseen-${environmentName}'
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    email: alertEmail
  }
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    displayName: 'Unseen (${environmentName})'
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
  }
}

// azd keeps these in its environment; the hooks and docs/deploying.md go by these names.
output APP_URL string = app.outputs.baseUrl
output REDIRECT_URI string = '${app.outputs.baseUrl}/api/callback'
output FUNCTION_APP_NAME string = app.outputs.name
output FUNCTION_APP_ID string = app.outputs.id
output KEY_VAULT_NAME string = vault.outputs.name
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
