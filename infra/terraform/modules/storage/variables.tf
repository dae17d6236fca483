variable "name" {
  description = "Name of the account, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.name))
    error_message = "The name must have 3 to 24 lower-case letters and digits."
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
  description = "Resource group that holds the account."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "A resource group has 1 to 90 letters, digits, hyphens, underscores, dots and brackets, and no dot at its end."
  }
}

variable "replication_type" {
  description = "LRS: one building. ZRS: three zones. GRS: another region as well."
  type        = string

  validation {
    condition     = contains(["LRS", "ZRS", "GRS"], var.replication_type)
    error_message = "The replication must be LRS, ZRS or GRS."
  }
}

variable "container_name" {
  description = "Container of the watermarks."
  type        = string
  default     = "watermarks"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$", var.container_name))
    error_message = "The container's name must have 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "versioning_enabled" {
  description = "Whether every earlier watermark is kept as a version."
  type        = bool
}

variable "version_days" {
  description = "Days after which an earlier version is removed."
  type        = number
  default     = 90

  validation {
    condition     = var.version_days >= 7
    error_message = "Versions must be kept for 7 days at least."
  }
}

variable "soft_delete_days" {
  description = "Days in which what was deleted can be restored; 0: not at all."
  type        = number
  default     = 7

  validation {
    condition     = var.soft_delete_days >= 0 && var.soft_delete_days <= 365
    error_message = "Soft delete must be 0 to 365 days."
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
