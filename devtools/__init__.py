"""What developers run and what is never deployed: emulators, functions host, demo, cluster, bench, tools."""
