"""The parts that all reconcilers share: readings, plans, outcomes, and the controller that runs them."""
