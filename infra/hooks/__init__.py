"""What `azd` cannot do by Bicep: the registration at Microsoft, and the secrets in the vault.

`python -m infra.hooks --help`. Standard library only; it works through `az` and `azd`.
"""
