# What Azure would answer: ids in the form that the provider insists on, and values that tests can tell apart.

mock_resource "azurerm_resource_group" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds"
  }
}

mock_resource "azurerm_servicebus_namespace" {
  defaults = {
    id                                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock"
    default_primary_connection_string = "Endpoint=sb://mock.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=bus-key"
  }
}

mock_resource "azurerm_servicebus_queue" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/mock"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Storage/storageAccounts/mockaccount"
    primary_blob_endpoint          = "https://mockaccount.blob.core.windows.net/"
    primary_blob_connection_string = "DefaultEndpointsProtocol=https;AccountName=mockaccount;AccountKey=storage-key"
  }
}

mock_resource "azurerm_storage_container" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Storage/storageAccounts/mockaccount/blobServices/default/containers/watermarks"
  }
}

mock_resource "azurerm_container_registry" {
  defaults = {
    id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ContainerRegistry/registries/mockregistry"
    login_server   = "mockregistry.azurecr.io"
    admin_username = "mockadmin"
    admin_password = "registry-key"
  }
}

mock_resource "azurerm_log_analytics_workspace" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.OperationalInsights/workspaces/mock-logs"
  }
}

mock_resource "azurerm_container_app_environment" {
  defaults = {
    id                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/managedEnvironments/mock"
    default_domain    = "mock.westeurope.azurecontainerapps.io"
    static_ip_address = "20.0.0.9"
  }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mock"
    client_id    = "11111111-1111-1111-1111-111111111111"
    principal_id = "22222222-2222-2222-2222-222222222222"
  }
}

mock_resource "azurerm_container_app" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/containerApps/mock"
  }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Insights/actionGroups/mock"
  }
}

mock_resource "azurerm_container_app_environment_managed_certificate" {
  defaults = {
    id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/managedEnvironments/mock/managedCertificates/api"
  }
}
