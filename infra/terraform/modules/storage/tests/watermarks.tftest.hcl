mock_provider "azurerm" {
  source = "../../mocks"
}

variables {
  name                = "diamondstest"
  location            = "westeurope"
  resource_group_name = "diamonds"
  replication_type    = "GRS"
  versioning_enabled  = true
}

run "the_account_is_closed_to_the_public_to_keys_and_to_old_tls" {
  assert {
    condition     = azurerm_storage_account.this.min_tls_version == "TLS1_2" && azurerm_storage_account.this.https_traffic_only_enabled
    error_message = "TLS 1.2 at least, and nothing without it."
  }

  assert {
    condition     = !azurerm_storage_account.this.allow_nested_items_to_be_public && !azurerm_storage_account.this.shared_access_key_enabled && !azurerm_storage_account.this.local_user_enabled
    error_message = "Nobody comes in without an identity."
  }

  assert {
    condition     = azurerm_storage_container.watermarks.name == "watermarks" && azurerm_storage_container.watermarks.container_access_type == "private" && azurerm_storage_container.watermarks.storage_account_id == azurerm_storage_account.this.id
    error_message = "The container watermarks is private, and in this account."
  }
}

run "versions_are_kept_for_a_while_and_deletions_can_be_undone" {
  assert {
    condition     = output.versioning_enabled && output.soft_delete_days == 7 && azurerm_storage_account.this.blob_properties[0].container_delete_retention_policy[0].days == 7
    error_message = "Versioning is on, and so is soft delete."
  }

  assert {
    condition     = azurerm_storage_management_policy.versions[0].rule[0].actions[0].version[0].delete_after_days_since_creation == 90 && one(azurerm_storage_management_policy.versions[0].rule[0].filters[0].prefix_match) == "watermarks/"
    error_message = "Versions are removed after 90 days, in the container of the watermarks only."
  }
}

run "without_versions_there_is_nothing_to_remove_and_soft_delete_can_be_off" {
  variables {
    versioning_enabled = false
    soft_delete_days   = 0
  }

  assert {
    condition     = !output.versioning_enabled && length(azurerm_storage_management_policy.versions) == 0
    error_message = "Versioning is off."
  }

  assert {
    condition     = output.soft_delete_days == 0 && length(azurerm_storage_account.this.blob_properties[0].delete_retention_policy) == 0
    error_message = "Soft delete is off."
  }
}

run "keys_are_accepted_where_connection_strings_are_asked_for" {
  variables {
    connection_strings_enabled = true
  }

  assert {
    condition     = azurerm_storage_account.this.shared_access_key_enabled
    error_message = "A connection string holds a key."
  }
}

run "an_unknown_replication_is_refused" {
  command = plan
  variables {
    replication_type = "RAGRS"
  }
  expect_failures = [var.replication_type]
}

run "a_name_with_hyphens_is_refused" {
  command = plan
  variables {
    name = "diamonds-test"
  }
  expect_failures = [var.name]
}

run "soft_delete_beyond_a_year_is_refused" {
  command = plan
  variables {
    soft_delete_days = 366
  }
  expect_failures = [var.soft_delete_days]
}

run "versions_of_a_few_days_are_refused" {
  command = plan
  variables {
    version_days = 1
  }
  expect_failures = [var.version_days]
}

run "a_container_in_capitals_is_refused" {
  command = plan
  variables {
    container_name = "Watermarks"
  }
  expect_failures = [var.container_name]
}

run "a_region_by_its_display_name_is_refused" {
  command = plan
  variables {
    location = "West Europe"
  }
  expect_failures = [var.location]
}

run "a_resource_group_that_is_none_is_refused" {
  command = plan
  variables {
    resource_group_name = "diamonds."
  }
  expect_failures = [var.resource_group_name]
}
