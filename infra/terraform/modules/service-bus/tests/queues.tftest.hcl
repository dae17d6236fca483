mock_provider "azurerm" {
  source = "../../mocks"
}

variables {
  name                = "diamonds-test"
  location            = "westeurope"
  resource_group_name = "diamonds"
  sku                 = "Standard"
}

run "three_queues_with_locks_deliveries_lifetime_and_dead_letters" {
  assert {
    condition     = { for purpose, queue in azurerm_servicebus_queue.this : purpose => queue.name } == { work_items = "work-items", work_done = "work-done", consolidate = "consolidate" }
    error_message = "The queues are work-items, work-done and consolidate."
  }

  assert {
    condition     = alltrue([for queue in azurerm_servicebus_queue.this : queue.lock_duration == "PT1M" && queue.max_delivery_count == 10 && queue.default_message_ttl == "P1D"])
    error_message = "Every queue has a lock of a minute, ten deliveries and a lifetime of a day."
  }

  assert {
    condition     = alltrue([for queue in azurerm_servicebus_queue.this : queue.dead_lettering_on_message_expiration])
    error_message = "A message that nobody takes must not vanish."
  }

  assert {
    condition     = alltrue([for queue in azurerm_servicebus_queue.this : queue.namespace_id == azurerm_servicebus_namespace.this.id])
    error_message = "Every queue lies in the namespace."
  }
}

run "the_namespace_is_closed_to_keys_and_old_tls" {
  assert {
    condition     = !azurerm_servicebus_namespace.this.local_auth_enabled && azurerm_servicebus_namespace.this.minimum_tls_version == "1.2"
    error_message = "By default there are identities only, and TLS 1.2."
  }
}

run "keys_are_accepted_where_connection_strings_are_asked_for" {
  variables {
    connection_strings_enabled = true
  }

  assert {
    condition     = azurerm_servicebus_namespace.this.local_auth_enabled && strcontains(output.connection_string, "RootManageSharedAccessKey")
    error_message = "Scaling by a connection string needs the right to manage."
  }
}

run "what_is_set_is_what_others_are_told" {
  variables {
    max_delivery_count = 7
    queues             = { work_items = "w", work_done = "d", consolidate = "c" }
  }

  assert {
    condition     = output.max_delivery_count == 7 && output.queues.work_items.name == "w" && output.hostname == "diamonds-test.servicebus.windows.net" && output.namespace == "diamonds-test"
    error_message = "Names and deliveries come from the queues themselves."
  }
}

run "premium_is_refused" {
  command = plan
  variables {
    sku = "Premium"
  }
  expect_failures = [var.sku]
}

run "a_single_delivery_is_refused" {
  command = plan
  variables {
    max_delivery_count = 1
  }
  expect_failures = [var.max_delivery_count]
}

run "a_lock_beyond_five_minutes_is_refused" {
  command = plan
  variables {
    lock_duration = "PT6M"
  }
  expect_failures = [var.lock_duration]
}

run "a_lifetime_that_basic_can_not_keep_is_refused" {
  command = plan
  variables {
    message_ttl = "P15D"
  }
  expect_failures = [var.message_ttl]
}

run "two_queues_of_one_name_are_refused" {
  command = plan
  variables {
    queues = { work_items = "same", work_done = "same" }
  }
  expect_failures = [var.queues]
}

run "a_name_that_azure_keeps_for_itself_is_refused" {
  command = plan
  variables {
    name = "diamonds-sb"
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
