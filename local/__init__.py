"""What runs on a laptop and is never deployed: the functions host, the stand-ins and the demo."""
