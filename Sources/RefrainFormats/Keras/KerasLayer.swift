import Refrain
import RefrainData

/// A layer that Keras has too.
protocol KerasLayer: Layer {
  /// The name of the class, such as `Dense`.
  var kerasClass: String { get }

  /// What the config says of the layer, but for its name.
  ///
  /// - Throws: what Keras cannot say.
  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue]

  /// The arrays under the names that they have in the layer's group.
  var kerasArrays: [String: Tensor] { get }

  /// The names of the arrays in the order in which older files list them.
  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String]

  /// The arrays of an older file as Keras has them today.
  func renewed(_ arrays: [NumericArray]) -> [NumericArray]

  /// Takes the arrays of a group; the layer may be without weights before.
  mutating func take(_ group: KerasGroup, inputShape: [Int?])
}

extension KerasLayer {
  var kerasArrays: [String: Tensor] { [:] }
  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] { [] }
  func renewed(_ arrays: [NumericArray]) -> [NumericArray] { arrays }
  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {}
}

/// The last size of a shape, which ``Layer/outputShape(for:)`` has found to be known.
private func width(_ shape: [Int?]) -> Int { shape.last.flatMap(\.self) ?? 0 }

extension Dense: KerasLayer {
  var kerasClass: String { "Dense" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    [
      "units": .init(integerLiteral: configuration.outputSize), "activation": try configuration.activation.kerasName(),
      "use_bias": true,
    ]
  }

  var kerasArrays: [String: Tensor] { ["vars/0": weight.transposed([1, 0]), "vars/1": bias] }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] { ["vars/0"] + (hasBias ? ["vars/1"] : []) }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    if let kernel = group.tensor("vars/0", shape: [width(inputShape), configuration.outputSize]) {
      weight = kernel.transposed([1, 0])
    }
    if let bias = group.bias("vars/1", shape: [configuration.outputSize]) { self.bias = bias }
  }
}

extension Embedding: KerasLayer {
  var kerasClass: String { "Embedding" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    if let rate = configuration.dropout, rate > 0 { throw LayerError("Keras does not drop whole rows of an Embedding") }
    return [
      "input_dim": .init(integerLiteral: configuration.vocabulary),
      "output_dim": .init(integerLiteral: configuration.size), "mask_zero": .bool(configuration.maskZero == true),
    ]
  }

  var kerasArrays: [String: Tensor] { ["vars/0": weight] }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] { ["vars/0"] }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    if let table = group.tensor("vars/0", shape: [configuration.vocabulary, configuration.size]) { weight = table }
  }
}

extension LayerNorm: KerasLayer {
  var kerasClass: String { "LayerNormalization" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    ["axis": -1, "epsilon": .number(Double("\(configuration.epsilon)") ?? 0), "center": true, "scale": true]
  }

  var kerasArrays: [String: Tensor] { ["vars/0": weight, "vars/1": bias] }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    (0..<(hasGain ? 1 : 0) + (hasBias ? 1 : 0)).map { "vars/\($0)" }
  }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    let shape = [width(inputShape)]
    if let gain = group.gain("vars/0", shape: shape) { weight = gain }
    if let shift = group.bias(group.hasGain ? "vars/1" : "vars/0", shape: shape) { bias = shift }
  }
}

extension Dropout: KerasLayer {
  var kerasClass: String { "Dropout" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    let oneMask = [JSONValue.null, 1] + Array(repeating: .null, count: max(inputShape.count - 2, 0))
    return [
      "rate": .number(Double("\(configuration.rate)") ?? 0),
      "noise_shape": configuration.mask == .sequence ? .array(oneMask) : .null,
    ]
  }
}

extension Masking: KerasLayer {
  var kerasClass: String { "Masking" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["mask_value": .number(Double(configuration.value))]
  }
}

extension Flatten: KerasLayer {
  var kerasClass: String { "Flatten" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] { [:] }
}

extension Reshape: KerasLayer {
  var kerasClass: String { "Reshape" }
  func kerasConfig(for inputShape: [Int?]) -> [String: JSONValue] {
    ["target_shape": .array(configuration.shape.map { .init(integerLiteral: $0) })]
  }
}

extension Activate: KerasLayer {
  var kerasClass: String {
    switch configuration.activation {
    case .leakyReLU: "LeakyReLU"
    case .elu where configuration.alpha != nil: "ELU"
    case .cappedReLU, .thresholdedReLU: "ReLU"
    case .affine: "Rescaling"
    default: "Activation"
    }
  }
  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    let alpha = JSONValue.number(Double("\(function.alpha)") ?? 0)
    return switch (kerasClass, configuration.activation) {
    case ("LeakyReLU", _): ["negative_slope": alpha]
    case ("ELU", _): ["alpha": alpha]
    case ("ReLU", .cappedReLU): ["max_value": alpha, "negative_slope": 0, "threshold": 0]
    case ("ReLU", _): ["negative_slope": 0, "threshold": alpha]
    case ("Rescaling", _): ["scale": alpha, "offset": .number(Double("\(function.beta)") ?? 0)]
    default: ["activation": try function.kerasName()]
    }
  }
}

extension Conv1D: KerasLayer {
  var kerasClass: String { "Conv1D" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    [
      "filters": .init(integerLiteral: configuration.filters),
      "kernel_size": [.init(integerLiteral: configuration.kernel)],
      "strides": [.init(integerLiteral: configuration.stride)], "padding": .string(configuration.padding.rawValue),
      "activation": try configuration.activation.kerasName(), "use_bias": true,
    ]
  }

  /// `[K, I, O]` from `[O, K, I]`.
  var kerasArrays: [String: Tensor] { ["vars/0": weight.transposed([1, 2, 0]), "vars/1": bias] }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] { ["vars/0"] + (hasBias ? ["vars/1"] : []) }

  /// Keras 1 has kernels `[K, 1, I, O]`, and before version 1.1 `[O, I, K, 1]`.
  func renewed(_ arrays: [NumericArray]) -> [NumericArray] {
    guard let kernel = arrays.first, kernel.shape.count == 4 else { return arrays }
    let tensor = Tensor(kernel.values.floats, shape: kernel.shape)
    let isOlder = kernel.shape[1] != 1 || kernel.shape[3] != configuration.filters
    guard !isOlder || kernel.shape[3] == 1 else { return arrays }
    let renewed = (isOlder ? tensor.transposed([2, 3, 1, 0]) : tensor).at(0, axis: 1)
    return [NumericArray(renewed.values, shape: renewed.shape)] + arrays.dropFirst()
  }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    let shape = [configuration.kernel, width(inputShape), configuration.filters]
    if let kernel = group.tensor("vars/0", shape: shape) { weight = kernel.transposed([2, 0, 1]) }
    if let bias = group.bias("vars/1", shape: [configuration.filters]) { self.bias = bias }
  }
}

extension ConvolutionalLSTM: KerasLayer where Map == FullConvolution {
  var kerasClass: String { "ConvLSTM\(configuration.kernel.count)D" }

  func kerasConfig(for inputShape: [Int?]) throws(LayerError) -> [String: JSONValue] {
    func sizes(_ values: [Int]) -> JSONValue { .array(values.map { .init(integerLiteral: $0) }) }
    let ones = Array(repeating: 1, count: configuration.kernel.count)
    return try recurrentConfig(configuration.returning, configuration.direction).merging([
      "filters": .init(integerLiteral: configuration.filters), "kernel_size": sizes(configuration.kernel),
      "strides": sizes(configuration.strides ?? ones), "padding": .string(configuration.padding.rawValue),
      "data_format": "channels_last", "dilation_rate": sizes(ones), "activation": "tanh",
      "recurrent_activation": "sigmoid",
    ]) { $1 }
  }

  /// Where `[4F, kernel…, C]` has the axes of Keras' `[kernel…, C, 4F]`.
  private var axesToKeras: [Int] { Array(1...configuration.kernel.count + 1) + [0] }
  private var axesFromKeras: [Int] { [configuration.kernel.count + 1] + Array(0...configuration.kernel.count) }

  var kerasArrays: [String: Tensor] {
    [
      "cell/vars/0": cell.inputMap.weight.transposed(axesToKeras),
      "cell/vars/1": cell.hiddenMap.weight.transposed(axesToKeras), "cell/vars/2": cell.bias,
    ]
  }

  func kerasNames(hasBias: Bool, hasGain: Bool) -> [String] {
    ["cell/vars/0", "cell/vars/1"] + (hasBias ? ["cell/vars/2"] : [])
  }

  mutating func take(_ group: KerasGroup, inputShape: [Int?]) {
    let (filters, sums) = (configuration.filters, Cell.Gate.allCases.count * configuration.filters)
    let input = group.tensor("cell/vars/0", shape: configuration.kernel + [width(inputShape), sums])
    let hidden = group.tensor("cell/vars/1", shape: configuration.kernel + [filters, sums])
    // Only weights that are there are worth the memory of a cell.
    guard let input, let hidden, let bias = group.bias("cell/vars/2", shape: [sums]) else { return }
    var generator = RandomGenerator(seed: 0)
    build(for: inputShape, using: &generator)
    cell.inputMap.weight = input.transposed(axesFromKeras)
    cell.hiddenMap.weight = hidden.transposed(axesFromKeras)
    cell.bias = bias
  }
}
