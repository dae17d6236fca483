variable "subscription_id" {
  description = "The subscription that production lives in."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f-]{36}$", var.subscription_id))
    error_message = "A subscription's id has 36 characters: hexadecimal digits and hyphens."
  }
}

variable "location" {
  description = "Azure region, near the database."
  type        = string
  default     = "westeurope"

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "A region is named as in `az account list-locations`, such as westeurope."
  }
}

variable "unique" {
  description = "Two to six letters or digits that make names unique in all of Azure, such as a short form of the company's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{2,6}$", var.unique))
    error_message = "It must have 2 to 6 lower-case letters and digits."
  }
}

variable "image" {
  description = "The first image, as REPOSITORY:TAG or REPOSITORY@sha256:DIGEST in this environment's registry. The pipelines roll out later ones."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9/_.-]+(:[A-Za-z0-9_.-]{1,128}|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "The image must be REPOSITORY:TAG or REPOSITORY@sha256:DIGEST, without the registry."
  }
}

variable "secrets" {
  description = "Secret settings by their names in .env.example, with their values, which are then in the state. DATABASE_URL and REDIS_URL are needed, and NIVODA_USERNAME and NIVODA_PASSWORD unless FEED_<NAME>_KIND is csv for every feed; HMAC_SECRETS, RESEND_API_KEY, ALERT_WEBHOOK_URL and DATABASE_DIRECT_URL are usual."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "key_vault" {
  description = "A Key Vault (resource id) and the settings that are secrets in it, instead of values in secrets: see docs/how-to/deploy.md, \"Secrets in a Key Vault\"."
  type = object({
    id      = optional(string)
    secrets = optional(set(string), [])
  })
  default = {}
}

variable "settings" {
  description = "Other settings of every process, by their names in .env.example."
  type        = map(string)
  default     = {}
}

variable "settings_of" {
  description = "Other settings of single roles: api, worker, consolidator, jobs, scheduler, migrate."
  type        = map(map(string))
  default     = {}
}

variable "access" {
  description = "How Service Bus and Storage are reached: by identity, or by connection_string."
  type        = string
  default     = "identity"

  validation {
    condition     = contains(["identity", "connection_string"], var.access)
    error_message = "The access must be identity or connection_string."
  }
}

variable "storage_replication" {
  description = "GRS: in another region as well. ZRS: in three zones of this one."
  type        = string
  default     = "GRS"

  validation {
    condition     = contains(["GRS", "ZRS"], var.storage_replication)
    error_message = "The replication must be GRS or ZRS."
  }
}

variable "network" {
  description = "A subnet of its own for the environment (resource id). With a subnet the environment spans several zones unless zone_redundant is false. Both can be chosen at creation only: see docs/how-to/deploy.md, \"A fixed outgoing address\"."
  type = object({
    subnet_id      = optional(string)
    zone_redundant = optional(bool, true)
  })
  default = {}
}

variable "custom_domain" {
  description = "A domain for the API with a managed certificate, or with certificate_id, the resource id of one that was uploaded to the environment: see docs/how-to/deploy.md, \"A domain of your own\"."
  type = object({
    name           = optional(string)
    certificate_id = optional(string)
    validation     = optional(string, "CNAME")
  })
  default = {}
}

variable "locks" {
  description = "Whether the account of the watermarks, the registry, the logs and the Container Apps environment are locked against deletion: see docs/how-to/deploy.md, \"Locks\"."
  type        = bool
  default     = false
}

variable "registry_pull" {
  description = "How images are pulled: by the identity of each service, or as the registry's admin."
  type        = string
  default     = "identity"

  validation {
    condition     = contains(["identity", "admin"], var.registry_pull)
    error_message = "Images are pulled by identity or as admin."
  }
}

variable "registry_admin_enabled" {
  description = "Whether the registry's admin account exists."
  type        = bool
  default     = true
}

variable "alarm_emails" {
  description = "Mail addresses that receive the alarms of Azure: an action group of the environment's own."
  type        = list(string)
  default     = []

  # The name of a receiver is its address. Azure compares these names without regard to case.
  validation {
    condition     = length(distinct([for address in var.alarm_emails : lower(address)])) == length(var.alarm_emails)
    error_message = "An address must be given once; addresses that differ only by case are the same receiver."
  }

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", address))])
    error_message = "A mail address has the form name@example.com."
  }
}

variable "alarm_action_groups" {
  description = "Resource ids of further action groups that receive the alarms of Azure."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Further tags of every resource."
  type        = map(string)
  default     = {}
}
