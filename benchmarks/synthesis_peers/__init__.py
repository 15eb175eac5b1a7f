"""What ``benchmarks/synthesis.py`` measures: the works, the libraries, and how.

============== =================================================================
``work``       what is made, from which label map
``catalogue``  the libraries by name, and what each computes
``ours``       one module a library: its chain as a function of the map
``torchio1``   TorchIO 1.2
``torchio2``   TorchIO 2, which needs a process of its own
``cornucopia`` cornucopia
``measure``    CPU time in turns, peak memory of one call
``worker``     a fresh process that makes samples on request
``table``      the result as text
``training``   CPU time of one training step
============== =================================================================
"""
