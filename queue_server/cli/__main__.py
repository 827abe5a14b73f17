"""``python -m queue_server.cli``: the command without its entry script."""

from queue_server.cli.main import main

main()
