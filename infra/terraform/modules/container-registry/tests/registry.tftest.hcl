mock_provider "azurerm" {
  source = "../../mocks"
}

variables {
  name                = "diamondstest"
  location            = "westeurope"
  resource_group_name = "diamonds"
  sku                 = "Basic"
}

run "the_admin_account_is_there_as_documented_and_nobody_pulls_without_a_name" {
  assert {
    condition     = azurerm_container_registry.this.admin_enabled && !azurerm_container_registry.this.anonymous_pull_enabled
    error_message = "The admin account is on by default; anonymous pulls never are."
  }

  assert {
    condition     = output.admin.username == "mockadmin" && output.admin.password == "registry-key" && output.login_server == "mockregistry.azurecr.io"
    error_message = "Whoever pulls as admin is told how."
  }
}

run "without_the_admin_account_nothing_is_told_of_it" {
  variables {
    admin_enabled = false
  }

  assert {
    condition     = !azurerm_container_registry.this.admin_enabled && nonsensitive(output.admin == null)
    error_message = "There is no admin account."
  }
}

run "an_unknown_sku_is_refused" {
  command = plan
  variables {
    sku = "Premium"
  }
  expect_failures = [var.sku]
}

run "a_name_with_hyphens_is_refused" {
  command = plan
  variables {
    name = "diamonds-test"
  }
  expect_failures = [var.name]
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
