#!/bin/sh
# scripts/bootstrap puts this into /usr/sbin while it installs packages, so that none starts a service.
exit 101
