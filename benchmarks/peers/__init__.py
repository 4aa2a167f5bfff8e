"""What we are compared with. Each module is an application of its own; those with a list of pins run in an environment
of their own, see benchmarks.environments. None of them stores anything. `PROVIDER_URL` names the provider.
"""
