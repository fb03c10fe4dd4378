import Refrain
import RefrainData

/// Layers of Refrain's, without weights, from what a config says of them.
extension KerasOptions {
  /// The layer of a class, or nil for one that Refrain has not.
  ///
  /// - Parameter shape: the shape of the input, nil where a layer before has left it unknown.
  mutating func makeLayer(_ kerasClass: String, shape: [Int?]?) -> (any Layer)? {
    switch kerasClass {
    case "LSTM", "GRU", "SimpleRNN": makeRecurrent(kerasClass)
    case "Bidirectional": makeBidirectional()
    case "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
      makeConvolutional(axes: kerasClass == "ConvLSTM1D" ? 1 : kerasClass == "ConvLSTM2D" ? 2 : 3)
    case "Conv1D": makeConvolution()
    case "Masking": Masking(self["mask_value"].number.map { Float($0) } ?? 0)
    case "SpatialDropout1D": Dropout(rate("rate"), mask: .sequence)
    case "Flatten": makeFlatten()
    case "Reshape": makeReshape(shape)
    default: makePointwise(kerasClass, rank: shape?.count)
    }
  }

  /// A layer that reads each step alone, and that `TimeDistributed` may wrap.
  mutating func makePointwise(_ kerasClass: String, rank: Int?) -> (any Layer)? {
    switch kerasClass {
    case "Dense":
      return Dense(size("units"), activation: activation())
    case "Embedding":
      return Embedding(size("input_dim"), size("output_dim"), maskZero: flag("mask_zero"))
    case "LayerNormalization":
      expectLastAxis(rank)
      expect("rms_scaling", false)
      return LayerNorm(epsilon: Float(self["epsilon"].number ?? 1e-3))
    case "Dropout":
      return Dropout(rate("rate"), mask: dropoutMask())
    case "Activation":
      return Activate(activation())
    case "ReLU":
      expectNothing("max_value")
      expect("negative_slope", 0)
      expect("threshold", 0)
      return Activate(.relu)
    case "Softmax":
      expectLastAxis(rank)
      return Activate(.softmax)
    default:
      return nil
    }
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

  // MARK: - Recurrent layers

  /// What every recurrent layer may say; the direction and what goes on.
  private mutating func readPassage() -> (returning: Returning, direction: Direction) {
    expect("stateful", false)
    expect("return_state", false)
    expect("time_major", false)
    let (all, backward) = (flag("return_sequences"), flag("go_backwards"))
    if all && backward { note("go_backwards with return_sequences gives the steps in reversed order") }
    return (all ? .everyStep : .lastStep, backward ? .backward : .forward)
  }

  /// The cell of a class; nil, and a note, where there is none.
  private mutating func cell(of kerasClass: String) -> (any KerasCell.Type)? {
    let cell: any KerasCell.Type
    switch kerasClass {
    case "LSTM": cell = LSTMCell.self
    case "GRU": cell = flag("reset_after", default: true) ? GRUCell.self : GRUResetBeforeCell.self
    case "SimpleRNN": cell = self["activation"].string == "relu" ? ReLURNNCell.self : TanhRNNCell.self
    default:
      note("Refrain has no such recurrent layer")
      return nil
    }
    for (name, value) in cell.kerasOptions.sorted(by: { $0.key < $1.key }) where name != "unit_forget_bias" {
      expect(name, value)
    }
    return cell
  }

  private mutating func regularization() -> Regularization {
    Regularization(inputDropout: rate("dropout"), recurrentDropout: rate("recurrent_dropout"))
  }

  private mutating func makeRecurrent(_ kerasClass: String) -> (any Layer)? {
    let (returning, direction) = readPassage()
    let (units, regularization) = (size("units"), regularization())
    func make<Cell: KerasCell>(_ type: Cell.Type) -> any Layer {
      Recurrent<Cell>(units, returning: returning, direction: direction).regularized(by: regularization)
    }
    return cell(of: kerasClass).map { make($0) }
  }

  private mutating func makeBidirectional() -> (any Layer)? {
    let inner = self["layer"]["class_name"].string ?? "?"
    var options = KerasOptions(inner, self["layer"]["config"])
    let (returning, _) = options.readPassage()
    options.expect("go_backwards", false)
    let (units, regularization) = (options.size("units"), options.regularization())
    let cell = options.cell(of: inner)
    add(options.problems)
    expectSameBackward()
    let merge = Merge.allCases.first { $0.kerasName != nil && $0.kerasName == self["merge_mode"].string }
    if merge == nil { note("merge_mode is \(String(self["merge_mode"].text.prefix(40))), which Refrain has not") }
    func make<Cell: KerasCell>(_ type: Cell.Type) -> any Layer {
      Bidirectional<Cell>(units, returning: returning, merge: merge ?? .concatenate).regularized(by: regularization)
    }
    return cell.map { make($0) }
  }

  /// Both directions must be alike but for the direction.
  private mutating func expectSameBackward() {
    let (forward, backward) = (self["layer"], self["backward_layer"])
    guard backward != .null else { return }
    let names = [
      "units", "return_sequences", "activation", "recurrent_activation", "use_bias", "reset_after", "dropout",
      "recurrent_dropout", "stateful", "return_state",
    ]
    let differing = names.filter { forward["config"][$0] != backward["config"][$0] }
    if !differing.isEmpty || forward["class_name"] != backward["class_name"] {
      note("its directions differ\(differing.isEmpty ? "" : " in " + differing.joined(separator: ", "))")
    }
    if backward["config"]["go_backwards"] != true { note("its backward layer does not go backwards") }
  }

  private mutating func makeConvolutional(axes: Int) -> any Layer {
    let (returning, direction) = readPassage()
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

  private mutating func makeConvolution() -> any Layer {
    expect("data_format", "channels_last")
    expect("dilation_rate", [1])
    expect("groups", 1)
    let padding = self["padding"] == .null ? .valid : self["padding"].string.flatMap(Conv1D.Padding.init(rawValue:))
    if padding == nil { note("padding is \(String(self["padding"].text.prefix(40))), which Refrain has not") }
    let stride = self["strides"] == .null ? 1 : sizes("strides", count: 1)[0]
    return Conv1D(
      size("filters"), kernel: sizes("kernel_size", count: 1)[0], stride: stride, padding: padding ?? .valid,
      activation: activation())
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
