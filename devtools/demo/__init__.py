"""The main job, told and checked step by step, with every outside system as a process on this machine."""
