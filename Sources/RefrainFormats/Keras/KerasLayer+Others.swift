import Refrain
import RefrainData

extension BatchNorm: KerasLayer {
  var kerasClass: String { "BatchNormalization" }

  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    [
      "axis": -1, "momentum": .number(Double("\(1 - momentum)") ?? 0.9),
      "epsilon": .number(Double("\(configuration.epsilon)") ?? 0), "center": true, "scale": true,
      "trainable": .bool(!configuration.isFrozen),
    ]
  }

  var kerasArrays: [String: Tensor] { ["vars/0": weight, "vars/1": bias, "vars/2": mean, "vars/3": variance] }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    (0..<2 + (hasGain ? 1 : 0) + (hasBias ? 1 : 0)).map { "vars/\($0)" }
  }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    let shape = [inputShape.last.flatMap(\.self) ?? 0]
    let (gains, shifts) = (group.hasGain ? 1 : 0, group.hasBias == false ? 0 : 1)
    if let gain = group.gain("vars/0", shape: shape) { weight = gain }
    if let shift = group.bias("vars/\(gains)", shape: shape) { bias = shift }
    if let mean = group.tensor("vars/\(gains + shifts)", shape: shape) { self.mean = mean }
    if let variance = group.tensor("vars/\(gains + shifts + 1)", shape: shape) { self.variance = variance }
  }
}

extension ParametricReLU: KerasLayer {
  var kerasClass: String { "PReLU" }

  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["shared_axes": .array(configuration.sharedAxes.map { .init(integerLiteral: $0) })]
  }

  var kerasArrays: [String: Tensor] { ["vars/0": weight] }
  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] { ["vars/0"] }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    if let slope = group.tensor("vars/0", shape: slopeShape(for: inputShape)) { weight = slope }
  }
}

extension GaussianNoise: KerasLayer {
  var kerasClass: String { "GaussianNoise" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["stddev": .number(Double("\(configuration.deviation)") ?? 0)]
  }
}

extension RepeatVector: KerasLayer {
  var kerasClass: String { "RepeatVector" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] { ["n": .init(integerLiteral: configuration.count)] }
}

extension Permute: KerasLayer {
  var kerasClass: String { "Permute" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["dims": .array(configuration.order.map { .init(integerLiteral: $0) })]
  }
}

extension Pooling1D: KerasLayer {
  var kerasClass: String { configuration.function == .maximum ? "MaxPooling1D" : "AveragePooling1D" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    [
      "pool_size": [.init(integerLiteral: configuration.size)],
      "strides": [.init(integerLiteral: configuration.stride)], "padding": .string(configuration.padding.rawValue),
      "data_format": "channels_last",
    ]
  }
}

extension GlobalPooling1D: KerasLayer {
  var kerasClass: String { configuration.function == .maximum ? "GlobalMaxPooling1D" : "GlobalAveragePooling1D" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["data_format": "channels_last", "keepdims": false]
  }
}

extension TimeDistributed: KerasLayer {
  var kerasClass: String { "TimeDistributed" }

  private var inner: (any KerasLayer)? { layer as? any KerasLayer }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    guard let inner else { throw LayerError("Keras has not the layer that TimeDistributed has at each step") }
    var config = try inner.kerasConfig(for: [nil] + inputShape.dropFirst(2))
    config["name"] = .string(KerasNames.snakeCase(inner.kerasClass))
    return ["layer": kerasObject(inner.kerasClass, config)]
  }

  var kerasArrays: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: (inner?.kerasArrays ?? [:]).map { ("layer/" + $0.key, $0.value) })
  }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    (inner?.kerasNames(hasBias: hasBias, hasGain: hasGain) ?? []).map { "layer/" + $0 }
  }

  func renewed(_ arrays: [NumericArray]) -> [NumericArray] { inner?.renewed(arrays) ?? arrays }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    guard var inner else { return }
    inner.take(group.part("layer"), inputShape: [nil] + inputShape.dropFirst(2))
    layer = inner
  }
}
