# The state holds secrets. It lies in an account of its own, reached by identity only; docs/how-to/deploy.md makes that account
# and writes backend.hcl, which names it: terraform init -backend-config=backend.hcl

terraform {
  backend "azurerm" {
    container_name   = "tfstate"
    key              = "staging.tfstate"
    use_azuread_auth = true
  }
}
