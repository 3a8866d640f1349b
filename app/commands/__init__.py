"""The subcommands of `dafe`, one file a command."""
