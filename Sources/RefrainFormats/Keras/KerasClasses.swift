import Refrain
import RefrainData

/// A layer of Refrain's that a layer of Keras', or a part of it, becomes.
struct KerasPart {
  var layer: any Layer
  /// Where its arrays are within the layer's group; empty where they are the group itself.
  var path = ""
  var hasBias = true
  /// Whether there is a gain, in layers that normalize.
  var hasGain = true
  /// Whether the arrays are those of a cell, without a layer around it.
  var isCell = false
}

/// Layers of Refrain's, without weights, from what a config says of them.
extension KerasOptions {
  /// The layers that one of a class becomes, or nil for one that Refrain has not.
  ///
  /// - Parameter shape: the shape of the input, nil where a layer before has left it unknown.
  mutating func makeParts(_ kerasClass: String, shape: [Int?]?) -> [KerasPart]? {
    switch kerasClass {
    case "LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU", "RNN": return makeRecurrent(kerasClass)
    case "Bidirectional": return makeBidirectional()
    case "TimeDistributed": return makeTimeDistributed(shape)
    case "ActivityRegularization", "Identity": return []
    case "Lambda", "TFOpLambda", "SlicingOpLambda":
      note("it is a function of its own code, which Refrain does not run")
      return nil
    default:
      return makeLayer(kerasClass, shape: shape) ?? makePointwise(kerasClass, rank: shape?.count)
    }
  }

  /// A part of a layer whose bias the config tells of.
  private func part(_ layer: any Layer) -> [KerasPart] {
    [KerasPart(layer: layer, hasBias: flag("use_bias", default: true))]
  }

  /// A layer that looks at several steps, or at the axes of its input.
  private mutating func makeLayer(_ kerasClass: String, shape: [Int?]?) -> [KerasPart]? {
    switch kerasClass {
    case "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
      part(makeConvolutional(axes: kerasClass == "ConvLSTM1D" ? 1 : kerasClass == "ConvLSTM2D" ? 2 : 3))
    case "Conv1D": makeConvolution()
    case "MaxPooling1D": part(makePooling(.maximum))
    case "AveragePooling1D": part(makePooling(.average))
    case "GlobalMaxPooling1D": part(makeGlobalPooling(.maximum))
    case "GlobalAveragePooling1D": part(makeGlobalPooling(.average))
    case "Masking": part(Masking(self["mask_value"].number.map { Float($0) } ?? 0))
    case "SpatialDropout1D": part(Dropout(rate("rate"), mask: .sequence))
    case "Flatten": part(makeFlatten())
    case "Reshape": part(makeReshape(shape))
    case "RepeatVector": part(RepeatVector(size("n")))
    case "Permute": part(Permute((self["dims"].array ?? []).map { $0.integer ?? 0 }))
    case "PReLU": part(ParametricReLU(sharedAxes: (self["shared_axes"].array ?? []).map { $0.integer ?? 0 }))
    default: nil
    }
  }

  /// A layer that reads each step alone, and that `TimeDistributed` may wrap without changing it.
  private mutating func makePointwise(_ kerasClass: String, rank: Int?) -> [KerasPart]? {
    switch kerasClass {
    case "Dense":
      let units = size("units")
      return activated(function()) { Dense(units, activation: $0) }
    case "Embedding":
      return part(Embedding(size("input_dim"), size("output_dim"), maskZero: flag("mask_zero")))
    case "LayerNormalization":
      expectLastAxis(rank)
      expect("rms_scaling", false)
      return normalization(LayerNorm(epsilon: Float(self["epsilon"].number ?? 1e-3)))
    case "BatchNormalization":
      expectLastAxis(rank)
      expect("mode", 0)
      expect("renorm", false)
      let epsilon = max(0, Float(self["epsilon"].number ?? 1e-3))
      // Keras' momentum is the part that stays.
      let momentum = 1 - min(max(0, Float(self["momentum"].number ?? 0.99)), 1)
      return normalization(
        BatchNorm(epsilon: epsilon, momentum: momentum, isFrozen: !flag("trainable", default: true)))
    case "Dropout":
      return part(Dropout(rate("rate"), mask: dropoutMask()))
    case "GaussianDropout", "AlphaDropout":
      remark("trained further it drops as Dropout does")
      return part(Dropout(rate("rate")))
    case "GaussianNoise":
      return part(GaussianNoise(max(0, Float(self["stddev"].number ?? 0))))
    case "Activation":
      return part(Activate(function()))
    default:
      guard let function = rectifier(kerasClass) else { return nil }
      if kerasClass == "Softmax" { expectLastAxis(rank) }
      return part(Activate(function))
    }
  }

  private func normalization(_ layer: any Layer) -> [KerasPart] {
    [
      KerasPart(
        layer: layer, hasBias: flag("center", default: true), hasGain: flag("scale", default: true))
    ]
  }

  /// A layer with a function; one with numbers of its own stands behind it.
  private func activated(_ function: ActivationFunction, _ make: (Activation) -> any Layer) -> [KerasPart] {
    if function.isUsual { return part(make(function.activation)) }
    return part(make(.identity)) + [KerasPart(layer: Activate(function))]
  }

  private mutating func expectLastAxis(_ rank: Int?) {
    let axis = self["axis"].array.map { $0.count == 1 ? $0[0] : .null } ?? self["axis"]
    if self["axis"] == .null || axis.integer == -1 || axis.integer.map({ $0 + 1 }) == rank { return }
    note("axis is \(String(self["axis"].text.prefix(40))), and Refrain has the last one alone")
  }

  private mutating func dropoutMask() -> DropoutMask {
    guard let shape = self["noise_shape"].array else {
      expectNothing("noise_shape")
      return .value
    }
    if shape.count >= 3, shape[1] == 1, shape.enumerated().allSatisfy({ $0 == 1 || $1 == .null }) { return .sequence }
    note("Refrain has no such noise_shape")
    return .value
  }

  /// A layer at each step: layers that read each step anyway as they are, others wrapped.
  private mutating func makeTimeDistributed(_ shape: [Int?]?) -> [KerasPart]? {
    let kerasClass = self["layer"]["class_name"].string ?? "?"
    var inner = KerasOptions("TimeDistributed \(kerasClass)", self["layer"]["config"], version: version)
    defer { add(inner) }
    // Of the shape of one step the time is taken away.
    let shape = shape.flatMap { $0.count > 1 ? [nil] + $0.dropFirst(2) : nil }
    guard
      let parts = inner.makePointwise(kerasClass, rank: shape?.count)
        ?? inner.makeParts(kerasClass, shape: shape)?.map({ part in
          KerasPart(
            layer: TimeDistributed(part.layer), path: part.path, hasBias: part.hasBias, hasGain: part.hasGain,
            isCell: part.isCell)
        })
    else {
      if inner.problems.isEmpty { inner.note("Refrain has no such layer") }
      return nil
    }
    return parts.map { part in
      var part = part
      // A wrapped layer finds its arrays below `layer` itself.
      if !(part.layer is TimeDistributed) { part.path = "layer" }
      return part
    }
  }

  // MARK: - Convolutions and pooling

  private mutating func makeConvolutional(axes: Int) -> any Layer {
    let (returning, direction) = readPassage()
    if returning == .everyStep, direction == .backward {
      note("go_backwards with return_sequences gives the steps in reversed order")
    }
    for name in ["dropout", "recurrent_dropout"] where rate(name) > 0 { note("Refrain has no \(name) here") }
    expect("activation", "tanh")
    expect("recurrent_activation", "sigmoid")
    expect("data_format", "channels_last")
    expect("dilation_rate", .array(Array(repeating: 1, count: axes)))
    let padding = self["padding"] == .null ? .valid : self["padding"].string.flatMap(Padding.init(rawValue:))
    if padding == nil { note("padding is \(String(self["padding"].text.prefix(40))), and Refrain has same and valid") }
    let strides = self["strides"] == .null ? nil : sizes("strides", count: axes)
    return ConvLSTM(
      size("filters"), kernel: sizes("kernel_size", count: axes), strides: strides, padding: padding ?? .valid,
      returning: returning, direction: direction)
  }

  private mutating func makeConvolution() -> [KerasPart] {
    expect("data_format", "channels_last")
    if self["dilation_rate"] != 1 { expect("dilation_rate", [1]) }
    expect("groups", 1)
    let padding = self["padding"] == .null ? .valid : self["padding"].string.flatMap(Conv1D.Padding.init(rawValue:))
    if padding == nil { note("padding is \(String(self["padding"].text.prefix(40))), which Refrain has not") }
    let stride = self["strides"] == .null ? 1 : sizes("strides", count: 1)[0]
    let (filters, kernel) = (size("filters"), sizes("kernel_size", count: 1)[0])
    return activated(function()) {
      Conv1D(filters, kernel: kernel, stride: stride, padding: padding ?? .valid, activation: $0)
    }
  }

  private mutating func makePooling(_ function: PoolingFunction) -> any Layer {
    expect("data_format", "channels_last")
    let padding = self["padding"] == .null ? .valid : self["padding"].string.flatMap(Pooling1D.Padding.init(rawValue:))
    if padding == nil { note("padding is \(String(self["padding"].text.prefix(40))), and Refrain has same and valid") }
    let size = sizes("pool_size", count: 1)[0]
    let stride = self["strides"] == .null ? size : sizes("strides", count: 1)[0]
    return Pooling1D(function, size: size, stride: stride, padding: padding ?? .valid)
  }

  private mutating func makeGlobalPooling(_ function: PoolingFunction) -> any Layer {
    expect("data_format", "channels_last")
    expect("keepdims", false)
    return GlobalPooling1D(function)
  }

  // MARK: - Shapes

  private mutating func makeFlatten() -> any Layer {
    expect("data_format", "channels_last")
    return Flatten()
  }

  private mutating func makeReshape(_ shape: [Int?]?) -> any Layer {
    var target = (self["target_shape"].array ?? []).map { $0.integer ?? 0 }
    if let free = target.firstIndex(of: -1), let shape {
      let known = target.filter { $0 != -1 }
      let sizes = shape.dropFirst().compactMap(\.self)
      if sizes.count == shape.count - 1, let all = elementCount(of: sizes), let part = elementCount(of: known),
        part > 0, all % part == 0
      {
        target[free] = all / part
      }
    }
    if target.isEmpty || !target.allSatisfy({ $0 > 0 }) || (elementCount(of: target) ?? .max) > KerasModel.largest {
      note("target_shape \(String(self["target_shape"].text.prefix(40))) does not fit the input")
    }
    return Reshape(target)
  }
}
