"""Django's two database backends, whose process can be told to die at a commit: see tests.faults.switches."""
