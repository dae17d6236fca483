output "api_url" {
  description = "Where the API is served: the custom domain, if there is one."
  value       = module.container_apps.api_url
}

output "dns_records" {
  description = "Records that a custom domain needs at the provider of its DNS before it is set: CNAME or A, and TXT at asuid.DOMAIN."
  value       = module.container_apps.dns_records
}

output "custom_domain" {
  description = "The domain of the API and its certificate; null: Azure's own address only."
  value       = module.container_apps.custom_domain
}

output "resource_group" {
  description = "Resource group that holds everything."
  value       = azurerm_resource_group.this.name
}

output "registry" {
  description = "The registry: its name, and the host that images are pushed to."
  value       = { name = module.container_registry.name, login_server = module.container_registry.login_server }
}

output "outgoing_addresses" {
  description = "The addresses that requests of the services come from, for firewalls. They stay only with a subnet and a NAT gateway."
  value       = module.container_apps.outgoing_addresses
}

output "services" {
  description = "What stays running, with its limits."
  value       = module.container_apps.services
}

output "jobs" {
  description = "What runs and ends, with its schedule."
  value       = module.container_apps.jobs
}

output "service_bus_namespace" {
  description = "Host of the Service Bus namespace."
  value       = module.service_bus.hostname
}

output "watermarks" {
  description = "Where the watermarks are."
  value       = "${module.storage.url}${module.storage.container.name}"
}

output "log_workspace" {
  description = "Where the logs are, and for how long."
  value       = module.container_apps.log_workspace
}

output "locks" {
  description = "What is locked against deletion, by resource id."
  value       = { for name, lock in azurerm_management_lock.this : name => { scope = lock.scope, level = lock.lock_level } }
}

output "alarms" {
  description = "What Azure watches."
  value       = module.container_apps.alarms
}
