"""Files of a mesh: every mistake of every file at once, each with its place, and what would be right."""

import re

import pytest

from conftest import GRANT, ORDERS_CONTRACT if False else GRANT
