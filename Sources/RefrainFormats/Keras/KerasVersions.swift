import RefrainData

// Configs of older versions of Keras, in the words of Keras 2 and 3.

/// What classes were called before.
private let newClasses: [String: String] = [
  "Convolution1D": "Conv1D", "MaxPool1D": "MaxPooling1D", "AvgPool1D": "AveragePooling1D",
  "GlobalMaxPool1D": "GlobalMaxPooling1D", "GlobalAvgPool1D": "GlobalAveragePooling1D",
  "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
  "SyncBatchNormalization": "BatchNormalization", "LSTMV1": "LSTM", "LSTMV2": "LSTM", "GRUV1": "GRU", "GRUV2": "GRU",
]

/// What options were called before, and what they are called now; a number of an option that has several now stands in
/// brackets.
private let newOptions: [(old: String, new: String, isList: Bool, classes: Set<String>)] = [
  ("output_dim", "units", false, ["LSTM", "GRU", "SimpleRNN", "Dense", "TimeDistributedDense"]),
  ("inner_activation", "recurrent_activation", false, ["LSTM", "GRU"]),
  ("dropout_W", "dropout", false, ["LSTM", "GRU", "SimpleRNN"]),
  ("dropout_U", "recurrent_dropout", false, ["LSTM", "GRU", "SimpleRNN"]),
  ("bias", "use_bias", false, ["Dense", "Conv1D", "TimeDistributedDense"]),
  ("p", "rate", false, ["Dropout", "SpatialDropout1D", "GaussianDropout"]),
  ("sigma", "stddev", false, ["GaussianNoise"]),
  ("nb_filter", "filters", false, ["Conv1D"]),
  ("filter_length", "kernel_size", true, ["Conv1D"]),
  ("subsample_length", "strides", true, ["Conv1D"]),
  ("border_mode", "padding", false, ["Conv1D", "MaxPooling1D", "AveragePooling1D"]),
  ("pool_length", "pool_size", true, ["MaxPooling1D", "AveragePooling1D"]),
  ("stride", "strides", true, ["MaxPooling1D", "AveragePooling1D"]),
]

/// A layer of a config, its class and options in the words of today.
func renewedKeras(_ layer: JSONValue, version: Int) -> (kerasClass: String, config: JSONValue) {
  let given = layer["class_name"].string ?? "?"
  var kerasClass = newClasses[given] ?? given
  guard case .object(var config) = layer["config"] else { return (kerasClass, layer["config"]) }
  for (old, new, isList, classes) in newOptions where classes.contains(kerasClass) && config[new] == nil {
    guard let value = config[old] else { continue }
    config[new] = isList && value.integer != nil ? .array([value]) : value
  }
  // GRUs of before the option were of the older form.
  if kerasClass == "GRU" || kerasClass == "GRUCell", version < 3, config["reset_after"] == nil {
    config["reset_after"] = false
  }
  if kerasClass == "TimeDistributedDense" {
    kerasClass = "TimeDistributed"
    config = [
      "name": config["name"] ?? .null, "batch_input_shape": config["batch_input_shape"] ?? .null,
      "layer": ["class_name": "Dense", "config": .object(config)],
    ]
  }
  for name in ["layer", "backward_layer", "cell"] {
    guard let inner = config[name], inner["class_name"] != .null else { continue }
    let renewed = renewedKeras(inner, version: version)
    config[name] = ["class_name": .string(renewed.kerasClass), "config": renewed.config]
  }
  if let cells = config["cells"]?.array {
    config["cells"] = .array(
      cells.map { cell in
        let renewed = renewedKeras(cell, version: version)
        return ["class_name": .string(renewed.kerasClass), "config": renewed.config]
      })
  }
  return (kerasClass, .object(config))
}

/// The shape of the input with the batch that a layer's config says.
func kerasInputShape(_ kerasClass: String, _ config: JSONValue) -> JSONValue {
  for name in ["batch_input_shape", "batch_shape"] where config[name] != .null { return config[name] }
  if config["input_shape"].array != nil { return .array([.null] + (config["input_shape"].array ?? [])) }
  if let size = config["input_dim"].integer, kerasClass != "Embedding" {
    return kerasClass == "Dense"
      ? [nil, .init(integerLiteral: size)] : [nil, config["input_length"], .init(integerLiteral: size)]
  }
  if kerasClass == "Embedding" { return [nil, config["input_length"]] }
  let inner = config["layer"]
  if inner != .null, kerasClass == "Bidirectional" {
    return kerasInputShape(inner["class_name"].string ?? "?", inner["config"])
  }
  return .null
}
