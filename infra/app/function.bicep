// The function app, on Flex Consumption: nothing runs, and nothing is paid, while nothing is due.
param name string
param planName string
param location string
param tags object

param identityId string
param identityClientId string
param blobUri string
param queueUri string
param tableUri string
param packagesUri string
param vaultUri string
param insightsConnectionString string

@description('Where browsers reach the app; empty: the host name that Azure gives it.')
param publicBaseUrl string

@description('How the app proves itself to Microsoft.')
@allowed([
  'secret'
  'certificate'
  'federated'
])
param clientCredential string

@description('Whether POST /api/accounts/{id}/access-token is open, with a key from the vault.')
param accessTokens bool

@description('Further settings of the app. An empty one stands for the default, which the app knows.')
@secure()
param settings object

param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyHttp int

var reference = '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/'

var credential = {
  secret: { CLIENT_SECRET: '${reference}client-secret)' }
  certificate: { CLIENT_CERTIFICATE: '${reference}client-certificate)' }
  federated: { FEDERATED_IDENTITY_CLIENT_ID: identityClientId }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225: zones need instances that are always there, and paid for; what was due comes due again by itself
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_17: browsers and mail programs have no client certificates
  // checkov:skip=CKV_AZURE_71: it has a user-assigned identity, which the rule does not know
  // checkov:skip=CKV_AZURE_222: mailbox owners sign in here, from anywhere
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    // checkov:skip=CKV_AZURE_212: Flex Consumption has no fixed instances; the platform adds them
    // checkov:skip=CKV_AZURE_213: instances are the platform's; an alert watches over the timer
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      // HTTP functions share their instances; the timer and each queue have instances of their own.
      scaleAndConcurrency: {
        alwaysReady: alwaysReadyHttp == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyHttp
          }
        ]
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }
}

// Passwords for deployment are off: deploying takes a role.
resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

var baseUrl = empty(publicBaseUrl) ? 'https://${app.properties.defaultHostName}' : publicBaseUrl

// The rules take each `config` for the one that holds the site's own switches; this one holds settings.
resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  // checkov:skip=CKV_AZURE_13: the app authenticates itself: mailbox owners have no account in this tenant
  // checkov:skip=CKV_AZURE_63: Application Insights has each request
  // checkov:skip=CKV_AZURE_65: the same
  // checkov:skip=CKV_AZURE_66: the same
  parent: app
  // checkov:skip=CKV_AZURE_80: it is no .NET app
  // checkov:skip=CKV_AZURE_88: state is in tables, and Flex Consumption mounts no files for it
  // checkov:skip=CKV_AZURE_222: mailbox owners sign in here, from anywhere
  name: 'appsettings'
  properties: union(settings, credential[clientCredential], accessTokens ? {
    ACCESS_TOKEN_KEY: '${reference}access-token-key)'
  } : {}, {
    AzureWebJobsStorage__blobServiceUri: blobUri
    AzureWebJobsStorage__queueServiceUri: queueUri
    AzureWebJobsStorage__tableServiceUri: tableUri
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    ENCRYPTION_KEYS: '${reference}encryption-keys)'
    WEBHOOK_SECRET: '${reference}webhook-secret)'
    PUBLIC_BASE_URL: baseUrl
  })
}

output name string = app.name
output id string = app.id
output baseUrl string = baseUrl
