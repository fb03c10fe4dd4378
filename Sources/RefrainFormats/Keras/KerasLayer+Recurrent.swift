import Refrain
import RefrainData

/// What the config of every recurrent layer says.
func recurrentConfig(
  _ returning: Returning, _ direction: Direction
) throws(LayerError) -> [String: JSONValue] {
  guard direction == .forward || returning == .lastStep else {
    throw LayerError("a backward layer's outputs of every step stand in reversed order in Keras")
  }
  return [
    "return_sequences": .bool(returning == .everyStep), "go_backwards": .bool(direction == .backward),
    "use_bias": true, "return_state": false, "stateful": false, "unroll": false,
  ]
}

extension Regularization {
  /// - Throws: what Keras has not.
  func kerasConfig() throws(LayerError) -> [String: JSONValue] {
    guard zoneoutHidden == 0, zoneoutCell == 0, weightDropout == 0 else {
      throw LayerError("Keras has no zoneout and no dropout of weights")
    }
    return [
      "dropout": .number(Double("\(inputDropout)") ?? 0),
      "recurrent_dropout": .number(Double("\(recurrentDropout)") ?? 0),
    ]
  }
}

extension InitialState {
  func checkForKeras() throws(LayerError) {
    if self == .learned { throw LayerError("Keras learns no initial state") }
  }
}

extension Recurrent: KerasLayer where Cell: KerasCell {
  var kerasClass: String { Cell.kerasClass }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    try configuration.initial.checkForKeras()
    return try recurrentConfig(configuration.returning, configuration.direction)
      .merging(regularization.kerasConfig()) { $1 }
      .merging(Cell.kerasOptions(configuration.options)) { $1 }
      .merging(["units": .init(integerLiteral: configuration.hiddenSize)]) { $1 }
  }

  var kerasArrays: [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: cell.kerasTensors.enumerated().map { index, tensor in ("cell/vars/\(index)", tensor) })
  }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    ["cell/vars/0", "cell/vars/1"] + (hasBias ? ["cell/vars/2"] : [])
  }

  func renewed(_ arrays: [NumericArray]) -> [NumericArray] { renewedCell(arrays, gates: Cell.kerasGates.count) }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    let (inputSize, options) = (inputShape.last.flatMap(\.self) ?? 0, configuration.options)
    let shapes = Cell.kerasShapes(inputSize: inputSize, hiddenSize: configuration.hiddenSize, options: options)
    let tensors = [
      group.tensor("cell/vars/0", shape: shapes[0]), group.tensor("cell/vars/1", shape: shapes[1]),
      group.bias("cell/vars/2", shape: shapes[2]),
    ].compactMap(\.self)
    // Only weights that are there are worth the memory of a cell.
    guard tensors.count == shapes.count else { return }
    if Cell.Options.self != NoOptions.self {
      var generator = RandomGenerator(seed: 0)
      build(for: inputShape, using: &generator)
    }
    cell.take(kerasTensors: tensors)
  }
}

extension Bidirectional: KerasLayer where Cell: KerasCell {
  var kerasClass: String { "Bidirectional" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    guard let mode = configuration.merge.kerasName else {
      throw LayerError("Keras gives separate directions as a list of two outputs")
    }
    try configuration.initial.checkForKeras()
    var inner = try forward.kerasConfig(for: inputShape)
    inner["return_sequences"] = .bool(configuration.returning == .everyStep)
    inner["name"] = .string("forward_" + KerasNames.snakeCase(Cell.kerasClass))
    return ["merge_mode": .string(mode), "layer": kerasObject(Cell.kerasClass, inner)]
  }

  var kerasArrays: [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: [("forward_layer", forward), ("backward_layer", backward)].flatMap { name, direction in
        direction.kerasArrays.map { ("\(name)/\($0.key)", $0.value) }
      })
  }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    let names = forward.kerasNames(hasBias: hasBias, hasGain: hasGain)
    return names.map { "forward_layer/" + $0 } + names.map { "backward_layer/" + $0 }
  }

  func renewed(_ arrays: [NumericArray]) -> [NumericArray] {
    let half = arrays.count / 2
    return forward.renewed(Array(arrays[..<half])) + backward.renewed(Array(arrays[half...]))
  }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    forward.take(group.part("forward_layer"), inputShape: inputShape)
    backward.take(group.part("backward_layer"), inputShape: inputShape)
  }
}

extension Merge {
  /// What Keras calls it; nil where it has no such.
  var kerasName: String? {
    switch self {
    case .concatenate: "concat"
    case .sum: "sum"
    case .average: "ave"
    case .multiply: "mul"
    case .separate: nil
    }
  }
}

/// A layer in a config.
func kerasObject(_ kerasClass: String, _ config: [String: JSONValue], module: String = "keras.layers") -> JSONValue {
  ["module": .string(module), "class_name": .string(kerasClass), "config": .object(config), "registered_name": nil]
}
