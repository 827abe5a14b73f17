"""What can be wrong with a profile or with an item that uses it.

ProfileError
├── DescriptionError       a plan or device cannot be described to clients
├── AnnotationError        an annotation decorator was given something it does not know
└── ItemResolutionError    an item does not fit the plans and devices of the profile
"""

from __future__ import annotations


class ProfileError(Exception):
    """The startup code cannot be loaded.

    Attributes:
        traceback: the formatted traceback, beginning with the profile's own code; empty where no code ran.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class DescriptionError(ProfileError):
    """A plan or device of the profile cannot be described to clients."""


class AnnotationError(ProfileError, ValueError):
    """An annotation decorator was given something it does not know."""


class ItemResolutionError(ProfileError):
    """An item does not fit the plans and devices of the profile; nothing was started.

    Attributes:
        parameter: the parameter at fault; empty where the item as a whole is.
    """

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter
