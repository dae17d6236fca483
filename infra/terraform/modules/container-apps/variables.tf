variable "name" {
  description = "Name of the environment, and the beginning of the names of what belongs to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name must have 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "environment" {
  description = "staging or production; the processes learn it as ENVIRONMENT."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "The environment must be staging or production."
  }
}

variable "location" {
  description = "Azure region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "A region is named as in `az account list-locations`, such as westeurope."
  }
}

variable "resource_group_name" {
  description = "Resource group that holds everything."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "A resource group has 1 to 90 letters, digits, hyphens, underscores, dots and brackets, and no dot at its end."
  }
}

variable "image" {
  description = "The image that every service starts from at first, by tag or digest. Later ones are rolled out by the pipelines."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/[a-z0-9/_.-]+(:[A-Za-z0-9_.-]{1,128}|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "The image must be a full reference with a tag or a digest, and not latest."
  }
}

variable "registry" {
  description = "The registry of the image: its id and host, and how it is pulled from: by the identity of each service, or as admin."
  type = object({
    id           = string
    login_server = string
    pull         = optional(string, "identity")
  })

  validation {
    condition     = contains(["identity", "admin"], var.registry.pull)
    error_message = "The registry is pulled from by identity or as admin."
  }
}

variable "registry_admin" {
  description = "The registry's admin account, needed only where it is pulled from as admin."
  type = object({
    username = string
    password = string
  })
  default   = null
  sensitive = true
}

variable "access" {
  description = "How Service Bus and Storage are reached: by identity with the least roles, or by connection_string, kept as Container App secrets."
  type        = string
  default     = "identity"

  validation {
    condition     = contains(["identity", "connection_string"], var.access)
    error_message = "The access must be identity or connection_string."
  }
}

variable "service_bus" {
  description = "The namespace and its queues. The connection string is used only where access says so; it needs the right to manage."
  type = object({
    namespace          = string
    namespace_id       = string
    hostname           = string
    queues             = map(object({ name = string, id = string }))
    max_delivery_count = number
    connection_string  = optional(string)
  })

  validation {
    condition     = length(setsubtract(["work_items", "work_done", "consolidate"], keys(var.service_bus.queues))) == 0
    error_message = "The queues must be work_items, work_done and consolidate."
  }
}

variable "storage" {
  description = "The account and container of the watermarks. The connection string is used only where access says so."
  type = object({
    url               = string
    container         = object({ name = string, id = string })
    connection_string = optional(string)
  })

  validation {
    condition     = startswith(var.storage.url, "https://")
    error_message = "The address must begin with https://."
  }
}

variable "settings" {
  description = "Settings of every process, by their names in .env.example. Secrets are refused here."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("(PASSWORD|SECRET|API_KEY|CONNECTION_STRING|^DATABASE_(DIRECT_)?URL$|^REDIS_URL$|^ALERT_WEBHOOK_URL$)", name))])
    error_message = "A setting is named in capitals, and what is secret belongs into secrets."
  }
}

variable "settings_of" {
  description = "Settings of single roles (api, worker, consolidator, jobs, scheduler, migrate), on top of those for all."
  type        = map(map(string))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings_of), ["api", "worker", "consolidator", "jobs", "scheduler", "migrate"])) == 0
    error_message = "Roles are api, worker, consolidator, jobs, scheduler and migrate."
  }

  validation {
    condition     = alltrue(flatten([for settings in values(var.settings_of) : [for name in keys(settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("(PASSWORD|SECRET|API_KEY|CONNECTION_STRING|^DATABASE_(DIRECT_)?URL$|^REDIS_URL$|^ALERT_WEBHOOK_URL$)", name))]]))
    error_message = "A setting is named in capitals, and what is secret belongs into secrets."
  }
}

variable "secrets" {
  description = "Secret settings by their names in .env.example, with their values: they become Container App secrets, and are in the state. Those of key_vault are not given here."
  type        = map(string)
  default     = {}
  sensitive   = true

  validation {
    condition     = alltrue([for name, value in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name)) && value != ""])
    error_message = "A secret is named in capitals as in .env.example, and is not empty."
  }

  # Redis is outside of the environment: TLS, the access key, and the port of the instance (10000 for Azure Managed Redis).
  validation {
    condition     = !contains(keys(var.secrets), "REDIS_URL") || can(regex("^rediss://[^/@]*:[^/@]+@[^/@:]+:[0-9]+(/[0-9]*)?([?].*)?$", lookup(var.secrets, "REDIS_URL", "")))
    error_message = "REDIS_URL must be rediss://:KEY@HOST:PORT/0, with a percent-encoded key: see docs/how-to/deploy.md, \"Redis\"."
  }

  # https://supabase.com/docs/guides/database/connecting-to-postgres: the direct host has an IPv6 address only.
  validation {
    condition     = alltrue([for name in ["DATABASE_URL", "DATABASE_DIRECT_URL"] : !can(regex("@db[.][a-z0-9]+[.]supabase[.]co[:/]", lookup(var.secrets, name, "")))])
    error_message = "Supabase's direct host can't be reached from Container Apps. Use the session pooler as DATABASE_DIRECT_URL: see docs/how-to/deploy.md, \"Addresses of Postgres\"."
  }
}

variable "key_vault" {
  description = "A Key Vault with access by Azure roles (resource id) and the settings that are secrets in it: DATABASE_URL is the secret database-url. Container Apps read them by the identity of each role, so that no value is in the state."
  type = object({
    id      = optional(string)
    secrets = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = var.key_vault.id == null || can(regex("(?i)^/subscriptions/.+/providers/Microsoft[.]KeyVault/vaults/[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.key_vault.id))
    error_message = "A Key Vault is named by its resource id."
  }

  validation {
    condition     = (var.key_vault.id != null) == (length(var.key_vault.secrets) > 0)
    error_message = "A Key Vault and the settings that it holds are given together."
  }

  validation {
    condition     = alltrue([for name in var.key_vault.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "A secret is named in capitals, as in .env.example."
  }
}

variable "secret_readers" {
  description = "Which roles get a secret, where that differs from the usual: all of them but migrate."
  type        = map(set(string))
  default     = {}

  validation {
    condition     = alltrue([for roles in values(var.secret_readers) : length(setsubtract(roles, ["api", "worker", "consolidator", "jobs", "scheduler", "migrate"])) == 0])
    error_message = "Roles are api, worker, consolidator, jobs, scheduler and migrate."
  }
}

variable "api" {
  description = "The API. cpu: cores, with twice as many GiB of memory. Another replica starts for each requests_per_second new requests a second, and where the processors are used by more than cpu_percent."
  type = object({
    cpu                 = optional(number, 0.5)
    min_replicas        = number
    max_replicas        = optional(number, 5)
    requests_per_second = optional(number, 20)
    cpu_percent         = optional(number, 70)
  })

  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4], var.api.cpu)
    error_message = "cpu must be 0.25 to 2 in steps of a quarter, or up to 4 in steps of a half."
  }

  validation {
    condition     = var.api.min_replicas >= 0 && var.api.min_replicas <= var.api.max_replicas && var.api.max_replicas >= 1 && var.api.max_replicas <= 30
    error_message = "The API must have 0 to 30 replicas, the largest number at least 1 and not below the smallest."
  }

  validation {
    condition     = var.api.requests_per_second >= 1 && var.api.cpu_percent >= 10 && var.api.cpu_percent <= 95
    error_message = "requests_per_second must be 1 at least, and cpu_percent 10 to 95."
  }
}

variable "worker" {
  description = "The workers, which read partitions. A run has 30 partitions at most and a worker reads SYNC_PARTITION_CONCURRENCY at a time, so more replicas would have nothing to do."
  type = object({
    cpu                  = optional(number, 0.5)
    min_replicas         = optional(number, 0)
    max_replicas         = optional(number, 30)
    messages_per_replica = optional(number, 4)
  })
  default = {}

  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4], var.worker.cpu)
    error_message = "cpu must be 0.25 to 2 in steps of a quarter, or up to 4 in steps of a half."
  }

  validation {
    condition     = var.worker.min_replicas >= 0 && var.worker.min_replicas <= var.worker.max_replicas && var.worker.max_replicas >= 1 && var.worker.max_replicas <= 30
    error_message = "There must be 0 to 30 workers, the largest number at least 1 and not below the smallest."
  }

  validation {
    condition     = var.worker.messages_per_replica >= 1
    error_message = "messages_per_replica must be 1 at least."
  }
}

variable "consolidator" {
  description = "The consolidator, which prices and writes one run at a time; a second replica only stands by."
  type = object({
    cpu          = optional(number, 1)
    min_replicas = number
    max_replicas = optional(number, 2)
  })

  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4], var.consolidator.cpu)
    error_message = "cpu must be 0.25 to 2 in steps of a quarter, or up to 4 in steps of a half."
  }

  validation {
    condition     = var.consolidator.min_replicas >= 0 && var.consolidator.min_replicas <= var.consolidator.max_replicas && var.consolidator.max_replicas >= 1 && var.consolidator.max_replicas <= 5
    error_message = "There must be 0 to 5 consolidators, the largest number at least 1 and not below the smallest."
  }
}

variable "jobs" {
  description = "The jobs. once_cron (UTC) also starts them as a Container App Job that does what is due and ends, for where min_replicas is 0: the clock wakes no service."
  type = object({
    cpu          = optional(number, 0.5)
    min_replicas = number
    max_replicas = optional(number, 1)
    once_cron    = optional(string)
  })

  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4], var.jobs.cpu)
    error_message = "cpu must be 0.25 to 2 in steps of a quarter, or up to 4 in steps of a half."
  }

  validation {
    condition     = var.jobs.min_replicas >= 0 && var.jobs.min_replicas <= var.jobs.max_replicas && var.jobs.max_replicas >= 1 && var.jobs.max_replicas <= 5
    error_message = "There must be 0 to 5 replicas, the largest number at least 1 and not below the smallest."
  }

  validation {
    condition     = var.jobs.min_replicas >= 1 || var.jobs.once_cron != null
    error_message = "Where the jobs scale to zero, once_cron must say when they are started for what is due."
  }

  validation {
    condition     = var.jobs.once_cron == null || can(regex("^(\\S+ ){4}\\S+$", var.jobs.once_cron))
    error_message = "once_cron must be a cron expression of five fields."
  }
}

variable "scheduler" {
  description = "The nightly run as a Container App Job: when (UTC), and how long its planning may take. A second try is another run, where the first one failed."
  type = object({
    cron            = optional(string, "0 2 * * *")
    cpu             = optional(number, 0.5)
    timeout_seconds = optional(number, 3600)
    retries         = optional(number, 1)
  })
  default = {}

  validation {
    condition     = can(regex("^(\\S+ ){4}\\S+$", var.scheduler.cron))
    error_message = "The schedule must be a cron expression of five fields."
  }

  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4], var.scheduler.cpu)
    error_message = "cpu must be 0.25 to 2 in steps of a quarter, or up to 4 in steps of a half."
  }

  validation {
    condition     = var.scheduler.timeout_seconds >= 60 && var.scheduler.retries >= 0 && var.scheduler.retries <= 5
    error_message = "The timeout must be 60 seconds at least, and the retries 0 to 5."
  }
}

variable "migrate_timeout_seconds" {
  description = "How long a migration may take. Building an index on a large table takes its time."
  type        = number
  default     = 3600

  validation {
    condition     = var.migrate_timeout_seconds >= 60
    error_message = "A migration must have 60 seconds at least."
  }
}

variable "drain_seconds" {
  description = "After SIGTERM, how long a process may take to finish or put down what it holds (SYNC_DRAIN_SECONDS); the platform waits somewhat longer. The API takes 25."
  type        = number
  default     = 25

  validation {
    condition     = var.drain_seconds >= 25 && var.drain_seconds <= 525
    error_message = "The time to drain must be 25 to 525 seconds: the platform waits 600 at most, the delay of the API included."
  }
}

variable "shutdown_delay_seconds" {
  description = "How long the API still accepts requests after SIGTERM (SHUTDOWN_DELAY_SECONDS), because the ingress routes to it until it has noticed. Added to the API's time before the platform kills it."
  type        = number
  default     = 5

  validation {
    condition     = var.shutdown_delay_seconds >= 1 && var.shutdown_delay_seconds <= 60 && floor(var.shutdown_delay_seconds) == var.shutdown_delay_seconds
    error_message = "The delay must be 1 to 60 whole seconds."
  }
}

variable "network" {
  description = "Where the environment lives: a subnet of its own (resource id, delegated to Microsoft.App/environments, /27 or larger) and several zones. Both can be chosen at creation only. Without a subnet outgoing addresses change."
  type = object({
    subnet_id      = optional(string)
    zone_redundant = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.network.subnet_id == null || can(regex("(?i)^/subscriptions/.+/virtualNetworks/.+/subnets/.+$", var.network.subnet_id))
    error_message = "A subnet is named by its resource id."
  }

  validation {
    condition     = !var.network.zone_redundant || var.network.subnet_id != null
    error_message = "Zone redundancy needs a subnet."
  }
}

variable "custom_domain" {
  description = "A domain for the API, such as api.example.com. Without certificate_id Azure issues and renews a certificate, after a validation by CNAME, HTTP (a domain without a subdomain) or TXT; certificate_id is the resource id of one that was uploaded to the environment."
  type = object({
    name           = optional(string)
    certificate_id = optional(string)
    validation     = optional(string, "CNAME")
  })
  default = {}

  validation {
    condition     = var.custom_domain.name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}$", var.custom_domain.name))
    error_message = "A domain is a full name in lower case without a scheme, such as api.example.com."
  }

  validation {
    condition     = var.custom_domain.certificate_id == null || can(regex("^/subscriptions/.+/managedEnvironments/.+/certificates/.+$", var.custom_domain.certificate_id))
    error_message = "A certificate is named by its resource id: az containerapp env certificate upload prints it."
  }

  validation {
    condition     = var.custom_domain.certificate_id == null || var.custom_domain.name != null
    error_message = "A certificate needs a domain."
  }

  validation {
    condition     = contains(["CNAME", "HTTP", "TXT"], var.custom_domain.validation)
    error_message = "The validation must be CNAME, HTTP or TXT."
  }
}

variable "probes" {
  description = "How the API is looked at. Readiness asks for the database; it is patient, because a database that is away is away for every replica."
  type = object({
    interval_seconds   = optional(number, 10)
    timeout_seconds    = optional(number, 5)
    startup_failures   = optional(number, 30)
    liveness_failures  = optional(number, 3)
    readiness_failures = optional(number, 12)
  })
  default = {}

  validation {
    condition     = alltrue([for value in values(var.probes) : value >= 1 && value <= 240])
    error_message = "Every figure of the probes must be 1 to 240."
  }

  validation {
    condition     = alltrue([for value in [var.probes.startup_failures, var.probes.liveness_failures, var.probes.readiness_failures] : value <= 30])
    error_message = "A probe may fail 30 times at most."
  }
}

variable "alarms" {
  description = "Alarms and their recipients: mail addresses (an action group is made for them) and resource ids of action groups; answers with an error, restarts of one service and failed calls of Redis in a quarter of an hour; hours since a run completed. Without a recipient an alarm shows in the portal only."
  type = object({
    action_groups   = optional(list(string), [])
    emails          = optional(list(string), [])
    api_errors      = optional(number, 20)
    restarts        = optional(number, 5)
    redis_failures  = optional(number, 3)
    freshness_hours = optional(number, 26)
  })
  default = {}

  # The name of a receiver is its address. Azure compares these names without regard to case.
  validation {
    condition     = length(distinct([for address in var.alarms.emails : lower(address)])) == length(var.alarms.emails)
    error_message = "An address must be given once; addresses that differ only by case are the same receiver."
  }

  validation {
    condition     = alltrue([for id in var.alarms.action_groups : can(regex("(?i)^/subscriptions/.+/actionGroups/.+$", id))])
    error_message = "An action group is named by its resource id."
  }

  validation {
    condition     = var.alarms.api_errors >= 0 && var.alarms.restarts >= 0 && var.alarms.redis_failures >= 0
    error_message = "The figures must not be negative."
  }

  # A query rule looks back two days at most.
  validation {
    condition     = var.alarms.freshness_hours >= 1 && var.alarms.freshness_hours <= 47
    error_message = "freshness_hours must be 1 to 47."
  }
}

variable "log_retention_days" {
  description = "Days that logs are to be kept. Below 30 the workspace keeps 30, and its tables are set by a command (docs/how-to/deploy.md)."
  type        = number

  validation {
    condition     = var.log_retention_days >= 4 && var.log_retention_days <= 730
    error_message = "Logs are kept for 4 to 730 days."
  }
}

variable "log_daily_quota_gb" {
  description = "Most logs that are taken in a day, in GB; -1: no limit. A limit saves money and loses logs."
  type        = number
  default     = -1

  validation {
    condition     = var.log_daily_quota_gb == -1 || var.log_daily_quota_gb >= 0.1
    error_message = "The quota must be -1 or 0.1 GB at least."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
