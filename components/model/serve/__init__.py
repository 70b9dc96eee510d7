"""Serve: the KServe model server of one trained model, and its prediction log.

Read from the top, in the order in which a process and then a request goes through it:

- `__main__`, `cli`: the process from its start to the last flush; its options and text log.
- `loading`: reads the model folder, opens the prediction log, and serves nothing until the model
  answers its golden rows as it did where it was trained.
- `app`: KServe's server with our middleware around it; what of KServe is patched, and why.
- `middleware`: routes a request. Plain JSON predictions are answered here, the rest by KServe.
- `protocols`: v1 and v2, read and written.
- `input_schema`, `parsers`: check the columns of a request and convert them to arrays. Every
  rejected request is ``{"error": …}`` with a 4xx status.
- `runtime`: batches requests, predicts, counts, and hands the rows to the log.
- `prediction_log`: writes answered rows as Parquet, off the request path.
"""
