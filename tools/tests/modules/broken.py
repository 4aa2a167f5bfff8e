"""A module that cannot be imported, as a package is missing."""

import a_package_that_is_not_there  # noqa: F401
