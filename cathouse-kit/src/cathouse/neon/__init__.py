"""Neon's API: projects, branches, computes, connection strings, and a branch for the time that one is needed.

Written to Neon's own OpenAPI document (npm ``@neondatabase/api-client``, ``public-v2-for-users.gen.yaml``).
"""

from cathouse.neon.branches import NeonBranches
from cathouse.neon.client import NeonClient
from cathouse.neon.errors import NeonError, NeonUnansweredError
from cathouse.neon.models import Branch, BranchOperations, Compute, NeonDatabase, Operation, Project, ProjectOperations
from cathouse.neon.provisioning import Provisioned, provision
from cathouse.neon.settings import NeonSettings

__all__ = [
    "Branch",
    "BranchOperations",
    "Compute",
    "NeonBranches",
    "NeonClient",
    "NeonDatabase",
    "NeonError",
    "NeonSettings",
    "NeonUnansweredError",
    "Operation",
    "Project",
    "ProjectOperations",
    "Provisioned",
    "provision",
]
