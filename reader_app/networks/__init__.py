"""The torch side: networks, training, inference. Runs in a spawned worker process and in ``ai train``.

Entry points for the command line, imported late:

``registry.systems()``
    The systems that can be trained here.
``registry.train(system, model=, data= | phantoms=, out=, backbone=, weights=, epochs=, folds=, seed=, device=, progress=,
calibrate=, test=)``
    Trains one model and writes its bundle; the same command goes on after a kill. ``str()`` of what it returns is for a person.
``registry.load(bundle, device)``
    A bundle's function (open case, clinical variables) -> prediction.
``worker.serve()``
    The worker process behind :class:`reader_app.ai.client.Worker`.

A new system is one module with its network and how it predicts, an entry in ``registry.SYSTEMS`` and one in its two functions.
"""
