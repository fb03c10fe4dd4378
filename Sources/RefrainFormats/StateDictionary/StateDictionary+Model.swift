import Refrain
import RefrainData

extension TensorGroup {
  /// Takes the weights out of PyTorch's state dictionary.
  ///
  ///     try model.load(weights, naming: ["0": "lstm", "1": "head.fc"])
  ///
  /// The names are those of the model's walk, which are PyTorch's, but for the modules that `naming` has. Of two biases
  /// of a recurrent layer the sum is taken, where it is one. A module all of whose biases are missing was made with
  /// `bias=False`, and gets zeros. A level of a layer may be a cell in the file, such as `nn.LSTMCell`.
  ///
  /// - Parameters:
  ///   - dictionary: the weights, all of which must find a place; ``StateDictionary/under(_:)`` gives a part.
  ///   - naming: what modules of this model are called there, such as `["0": "lstm"]`; what stands for a module stands
  ///     for those within it, and the empty name for the whole model.
  /// - Returns: what was assumed, in words: where biases are missing.
  /// - Throws: `wrongInput` that names every missing, left-over or misshapen tensor, `unsupportedContent` where PyTorch
  ///   has no such layer. The model then is as it was.
  @discardableResult
  public mutating func load(
    _ dictionary: StateDictionary, naming: [String: String] = [:]
  ) throws(DataError) -> [String] {
    var loading = StateLoading(dictionary)
    var loaded: [Tensor] = []
    for (_, tensor, there) in try TorchTensor.of(self, naming: naming) {
      loaded.append(loading.take(there, shape: tensor.shape) ?? tensor)
    }
    try loading.check()
    self = replacingTensors(loaded)
    return loading.notes
  }
}

/// Takes arrays out of a state dictionary and keeps account of what is wrong.
private struct StateLoading {
  private let dictionary: StateDictionary
  private let biased: Set<String>
  private let modules: Set<String>
  private var missing: [String] = []
  private var misshapen: [String] = []
  private var used: Set<String> = []
  private(set) var notes: [String] = []

  init(_ dictionary: StateDictionary) {
    self.dictionary = dictionary
    let names = dictionary.names.map(TensorName.init)
    modules = Set(names.map(\.module))
    biased = Set(names.filter { $0.stem.hasPrefix("bias") }.map(\.module))
  }

  /// The values of a tensor of the given shape; nil, after a note of what is wrong, where there are none.
  mutating func take(_ tensor: TorchTensor, shape: [Int]) -> Tensor? {
    switch tensor {
    case .same(let name):
      if isWithoutBias(name) { return .zeros(shape) }
      // A normalization without gain and shift.
      if name.stem == "weight", dictionary[name.text] == nil, dictionary[name.with(stem: "running_mean").text] != nil {
        return .ones(shape)
      }
      return values(name, shape).map { Tensor($0, shape: shape) }
    case .convolution(let name):
      return values(name, [shape[0], shape[2], shape[1]]).map {
        Tensor($0, shape: [shape[0], shape[2], shape[1]]).transposed([0, 2, 1])
      }
    case .bias(let first, let second, let isGRU):
      if isWithoutBias(first) { return .zeros(shape) }
      // Both are looked for before either is given up, so that all that is missing is named.
      let (one, other) = (values(first, shape), values(second, shape))
      guard let one, let other else { return nil }
      let shared = isGRU ? one.count / 3 * 2 : one.count
      return Tensor(one.indices.map { $0 < shared ? one[$0] + other[$0] : one[$0] }, shape: shape)
    case .candidateBias(let name):
      if isWithoutBias(name) { return .zeros(shape) }
      // What is wrong with it is said where the first bias is taken.
      guard let found = found(name), found.array.shape == [3 * shape[0]] else { return nil }
      return Tensor(found.array.values.floats.suffix(shape[0]), shape: shape)
    }
  }

  /// Whether the module was made without biases; noted once.
  private mutating func isWithoutBias(_ name: TensorName) -> Bool {
    guard name.stem.hasPrefix("bias"), modules.contains(name.module), !biased.contains(name.module) else {
      return false
    }
    let note = "\(name.module.quoted) has no bias; it is taken as zero"
    if !notes.contains(note) { notes.append(note) }
    return true
  }

  /// The array of a name; the first level of a layer may be a cell.
  private func found(_ name: TensorName) -> (name: String, array: NumericArray)? {
    if let array = dictionary[name.text] { return (name.text, array) }
    guard name.suffix == "_l0", let array = dictionary[name.ofCell.text] else { return nil }
    return (name.ofCell.text, array)
  }

  private mutating func values(_ name: TensorName, _ shape: [Int]) -> [Float]? {
    guard let found = found(name) else {
      missing.append(name.text)
      return nil
    }
    used.insert(found.name)
    guard found.array.shape == shape else {
      misshapen.append("\(found.name.inQuotes) has shape \(found.array.shape), expected \(shape)")
      return nil
    }
    return found.array.values.floats
  }

  /// - Throws: `wrongInput` when anything is wrong.
  func check() throws(DataError) {
    // How many batches a normalization has seen in training is of no account afterwards.
    let leftOver = dictionary.names.filter { !used.contains($0) && TensorName($0).stem != "num_batches_tracked" }
    func list(_ title: String, _ names: [String]) -> String? {
      names.isEmpty ? nil : title + names.map(\.inQuotes).joined(separator: ", ")
    }
    let problems = [list("missing are ", missing), list("left over are ", leftOver)].compactMap(\.self) + misshapen
    if problems.isEmpty { return }
    throw DataError(
      .wrongInput, "the weights do not fit the model: " + problems.joined(separator: "; "),
      remedy: "change the model, or say what its modules are called")
  }
}

extension StateDictionary {
  /// A model's weights as PyTorch has them: its `load_state_dict(strict=True)` takes them.
  ///
  /// Where PyTorch has two biases of a recurrent layer, the first is the model's and the second zero; of a GRU the
  /// second holds the candidate's.
  ///
  /// - Parameters:
  ///   - model: the model, of layers that PyTorch has.
  ///   - naming: what modules of the model are to be called, such as `["0": "lstm", "1": "fc"]`.
  ///   - cells: the modules of the model that are to be cells there, such as `nn.LSTMCell`.
  /// - Throws: `unsupportedContent` where PyTorch has no such layer, `wrongInput` when two tensors get one name.
  public init(
    _ model: some TensorGroup, naming: [String: String] = [:], cells: Set<String> = []
  ) throws(DataError) {
    let tensors = try TorchTensor.of(model, naming: naming, cells: cells)
    let own = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
    var entries: [NamedArray] = []
    func add(_ name: TensorName, _ tensor: Tensor) {
      entries.append(NamedArray(name: name.text, array: NumericArray(tensor.values, shape: tensor.shape)))
    }
    for (name, tensor, there) in tensors {
      switch there {
      case .same(let name): add(name, tensor)
      case .convolution(let name): add(name, tensor.transposed([0, 2, 1]))
      case .bias(let first, let second, _):
        add(first, tensor)
        let apart = own[TensorName(name).with(stem: "bias_hn").text]
        let zeros = Tensor.zeros([tensor.count - (apart?.count ?? 0)])
        add(second, apart.map { concatenate([zeros, $0], axis: 0) } ?? zeros)
      case .candidateBias: break
      }
    }
    try self.init(entries)
  }
}
