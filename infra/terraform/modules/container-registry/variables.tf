variable "name" {
  description = "Name of the registry, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{5,50}$", var.name))
    error_message = "The name must have 5 to 50 lower-case letters and digits."
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
  description = "Resource group that holds the registry."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "A resource group has 1 to 90 letters, digits, hyphens, underscores, dots and brackets, and no dot at its end."
  }
}

variable "sku" {
  description = "Basic or Standard."
  type        = string

  validation {
    condition     = contains(["Basic", "Standard"], var.sku)
    error_message = "The SKU must be Basic or Standard."
  }
}

variable "admin_enabled" {
  description = "Whether the admin account exists. Nothing here needs it: every service pulls by its identity."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
