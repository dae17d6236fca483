output "api_url" {
  description = "Where the API is served: the custom domain, if there is one."
  value       = "https://${var.custom_domain.name == null ? azurerm_container_app.service["api"].ingress[0].fqdn : var.custom_domain.name}"
}

output "dns_records" {
  description = "Records that a custom domain needs at the provider of its DNS before it is set: CNAME (A for a domain without a subdomain), and TXT at asuid.DOMAIN, which proves that the domain is yours."
  value = {
    cname = azurerm_container_app.service["api"].ingress[0].fqdn
    a     = azurerm_container_app_environment.this.static_ip_address
    txt   = azurerm_container_app.service["api"].custom_domain_verification_id
  }
}

output "custom_domain" {
  description = "The domain of the API and its certificate; null: Azure's own address only."
  value = var.custom_domain.name == null ? null : {
    name        = var.custom_domain.name
    certificate = local.given_domain ? var.custom_domain.certificate_id : azurerm_container_app_environment_managed_certificate.api[0].id
  }
}

output "environment_id" {
  description = "Resource id of the Container Apps environment."
  value       = azurerm_container_app_environment.this.id
}

output "services" {
  description = "What stays running: smallest and largest number of replicas, cores and memory, the queue that wakes it, and whether it is reached from outside."
  value = {
    for name, app in azurerm_container_app.service : name => {
      min_replicas = app.template[0].min_replicas
      max_replicas = app.template[0].max_replicas
      cpu          = app.template[0].container[0].cpu
      memory       = app.template[0].container[0].memory
      queue        = try(app.template[0].custom_scale_rule[0].metadata["queueName"], null)
      ingress      = length(app.ingress) > 0
    }
  }
}

output "jobs" {
  description = "What runs and ends: its schedule (UTC; null: when it is started), cores and memory."
  value = {
    for name, job in azurerm_container_app_job.job : name => {
      cron   = try(job.schedule_trigger_config[0].cron_expression, null)
      cpu    = job.template[0].container[0].cpu
      memory = job.template[0].container[0].memory
    }
  }
}

output "environment_of" {
  description = "The variables of each service and job: a value, or `secret: NAME` where a secret stands behind it."
  value = {
    for name, process in merge(
      { for name, app in azurerm_container_app.service : name => { role = name, env = app.template[0].container[0].env } },
      { for name, job in azurerm_container_app_job.job : name => { role = local.jobs[name].role, env = job.template[0].container[0].env } },
    ) :
    name => { for env in process.env : env.name => contains(local.secrets_of[process.role], env.name) ? "secret: ${env.secret_name}" : env.value }
  }
}

output "registry_servers" {
  description = "The registries that the services and jobs pull from."
  value = distinct(concat(
    [for app in azurerm_container_app.service : app.registry[0].server],
    [for job in azurerm_container_app_job.job : job.registry[0].server],
  ))
}

output "grants" {
  description = "Who may do what where: role of Azure and scope, by a name that says it."
  value = merge(
    { for name, grant in azurerm_role_assignment.queue : name => { role = grant.role_definition_name, scope = grant.scope } },
    { for name, grant in azurerm_role_assignment.scaler : "scaler counts for ${name}" => { role = grant.role_definition_name, scope = grant.scope } },
    { for name, grant in azurerm_role_assignment.watermarks : "${name} watermarks" => { role = grant.role_definition_name, scope = grant.scope } },
    { for name, grant in azurerm_role_assignment.vault : name => { role = grant.role_definition_name, scope = grant.scope } },
    { for name, grant in azurerm_role_assignment.pull : "${name} pulls" => { role = grant.role_definition_name, scope = grant.scope } },
  )
}

output "log_workspace" {
  description = "Where the logs are: name, days that the workspace keeps, days that were asked for."
  value = {
    name           = azurerm_log_analytics_workspace.this.name
    retention_days = azurerm_log_analytics_workspace.this.retention_in_days
    asked_days     = var.log_retention_days
  }
}

output "log_workspace_id" {
  description = "Resource id of the workspace that takes the logs."
  value       = azurerm_container_app_environment.this.log_analytics_workspace_id
}

output "outgoing_addresses" {
  description = "The addresses that requests of the services come from, for firewalls. They stay only with a subnet and a NAT gateway."
  value       = sort(distinct(flatten([for app in azurerm_container_app.service : app.outbound_ip_addresses])))
}

output "alarms" {
  description = "What Azure watches: a metric or the rows of a query, what is too much or too little of it, in which time, and how many action groups are notified."
  value = merge(
    {
      for name, alarm in azurerm_monitor_metric_alert.alarm : name => {
        metric = "${one(alarm.scopes)} ${alarm.criteria[0].metric_name} ${alarm.criteria[0].aggregation} ${alarm.criteria[0].operator} ${alarm.criteria[0].threshold} in ${alarm.window_size}"
        told   = length(alarm.action)
      }
    },
    {
      for name, alarm in azurerm_monitor_scheduled_query_rules_alert_v2.alarm : name => {
        metric = "${one(alarm.scopes)} ${split("\n", alarm.criteria[0].query)[0]} ${alarm.criteria[0].time_aggregation_method} ${alarm.criteria[0].operator} ${alarm.criteria[0].threshold} in ${alarm.window_duration}"
        told   = length(flatten(alarm.action[*].action_groups))
      }
    },
  )
}
