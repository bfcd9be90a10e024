"""The use cases from the shell: each command reads options, calls a workflow, prints."""
