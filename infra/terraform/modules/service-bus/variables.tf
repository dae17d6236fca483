variable "name" {
  description = "Name of the namespace, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]$", var.name)) && !can(regex("-(sb|mgmt)$", var.name))
    error_message = "The name must have 6 to 50 letters, digits and hyphens, begin with a letter, and not end with -, -sb or -mgmt."
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
  description = "Resource group that holds the namespace."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "A resource group has 1 to 90 letters, digits, hyphens, underscores, dots and brackets, and no dot at its end."
  }
}

variable "sku" {
  description = "Basic or Standard. Nothing here needs more than queues, which both have."
  type        = string

  validation {
    condition     = contains(["Basic", "Standard"], var.sku)
    error_message = "The SKU must be Basic or Standard."
  }
}

variable "queues" {
  description = "Names of the queues, by what they are for: partitions to read, reports on finished ones, runs to consolidate."
  type = object({
    work_items  = optional(string, "work-items")
    work_done   = optional(string, "work-done")
    consolidate = optional(string, "consolidate")
  })
  default = {}

  validation {
    condition     = length(distinct(values(var.queues))) == 3
    error_message = "The three queues must have three different names."
  }
}

variable "lock_duration" {
  description = "How long a received message is locked (ISO 8601, five minutes at most). Consumers renew it while they work."
  type        = string
  default     = "PT1M"

  validation {
    condition     = can(regex("^PT([1-5]M|[1-9][0-9]?S|[1-4]M[1-5]?[0-9]S)$", var.lock_duration))
    error_message = "The lock must be a duration such as PT30S or PT1M, five minutes at most."
  }
}

variable "max_delivery_count" {
  description = "Deliveries before a message becomes a dead letter. Handed on to the processes as QUEUE_MAX_DELIVERY_COUNT."
  type        = number
  default     = 10

  validation {
    condition     = var.max_delivery_count >= 2 && var.max_delivery_count <= 100 && floor(var.max_delivery_count) == var.max_delivery_count
    error_message = "A message must be delivered 2 to 100 times: once is too few where a process may be stopped in the middle."
  }
}

variable "message_ttl" {
  description = "How long an unreceived message stays before it becomes a dead letter (ISO 8601, whole days)."
  type        = string
  default     = "P1D"

  validation {
    condition     = can(regex("^P([1-9]|1[0-4])D$", var.message_ttl))
    error_message = "The lifetime must be P1D to P14D; 14 days is the most that the Basic SKU keeps."
  }
}

variable "connection_strings_enabled" {
  description = "Whether keys are accepted beside identities. Off, a leaked connection string opens nothing."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
