import Refrain
import RefrainData

/// The layers that modules become, in their order, with what stands between them.
struct InferencePlan {
  private(set) var layers: [any Layer] = []
  /// The modules of the layers that have weights, by the layers' numbers.
  private(set) var naming: [String: String] = [:]
  private(set) var cells: Set<String> = []
  private(set) var notes: [String] = []
  private(set) var openQuestions: [String] = []

  private let assumptions: StateAssumptions
  private let known: [String: TorchModule]
  private let modules: [StateModule]

  /// - Parameters:
  ///   - modules: what has weights, in the order in which it is applied.
  ///   - known: what the file says of the modules; nothing where it is a state dictionary alone.
  init(
    _ modules: [StateModule], known: [TorchModule], _ assumptions: StateAssumptions
  ) throws(DataError) {
    self.assumptions = assumptions
    self.modules = modules
    self.known = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
    let names = Set(modules.map(\.name))
    if let unknown = assumptions.activations.keys.sorted().first(where: { !names.contains($0) }) {
      throw DataError(
        .wrongInput, "there is no layer \(unknown.quoted) to put a function behind",
        remedy: "choose among \(modules.map(\.name.quoted).joined(separator: ", "))")
    }
    let between = functions(known)
    let lastRecurrent = modules.lastIndex { if case .recurrent = $0.kind { true } else { false } }
    for function in between[""] ?? [] { layers.append(function) }
    for (index, module) in modules.enumerated() {
      if module.isCell { cells.insert(String(layers.count)) }
      naming[String(layers.count)] = module.name
      try add(module, isLast: index == lastRecurrent)
      if let given = assumptions.activations[module.name] {
        layers.append(Activate(given))
      } else {
        layers += between[module.name] ?? []
      }
      question(after: index, isKnown: between[module.name] != nil || isFollowedInSequence(index))
    }
    if known.isEmpty, assumptions.activations.isEmpty { addGaps() }
    let outside = known.filter {
      $0.isEmpty && !$0.isInSequence && ActivationFunction($0) != nil && $0.kind != "Identity"
    }
    for module in outside where assumptions.activations.isEmpty {
      openQuestions.append(
        "there is a \(module.kind) \(module.name.quoted); where it is applied is not in the file, and it is left out")
    }
  }

  /// Notes the numbers that are missing among the modules of an `nn.Sequential`: something without weights is there.
  private mutating func addGaps() {
    var places: [String: Set<Int>] = [:]
    for module in modules {
      guard let dot = module.name.lastIndex(of: "."), let place = Int(module.name[module.name.index(after: dot)...]),
        (0..<1000).contains(place)
      else { continue }
      places[String(module.name[..<dot]), default: []].insert(place)
    }
    for (container, found) in places.sorted(by: { $0.key < $1.key }) {
      let missing = (0..<(found.max() ?? 0)).filter { !found.contains($0) }.prefix(12)
      guard !missing.isEmpty else { continue }
      let names = missing.map { "\(container).\($0)".quoted }.joined(separator: ", ")
      openQuestions.append("what has no weights, such as a function or dropout, stands at \(names), and is left out")
    }
  }

  /// The functions and dropouts that an `nn.Sequential` has behind each module with weights; under the empty name those
  /// before the first.
  private func functions(_ known: [TorchModule]) -> [String: [any Layer]] {
    let names = Set(modules.map(\.name))
    var (result, last) = ([String: [any Layer]](), "")
    for module in known {
      if names.contains(module.name) { last = module.name }
      guard module.isEmpty, module.isInSequence else { continue }
      if let function = ActivationFunction(module) {
        if function.activation != .identity { result[last, default: []].append(Activate(function)) }
      } else if module.kind == "Dropout" {
        result[last, default: []].append(Dropout(min(0.99, max(0, Float(module.number("p") ?? 0)))))
      }
    }
    return result
  }

  /// Whether the module and the next one are of one `nn.Sequential`, which says what stands between them.
  private func isFollowedInSequence(_ index: Int) -> Bool {
    guard index + 1 < modules.count else { return false }
    func container(_ name: String) -> Substring { name.lastIndex(of: ".").map { name[..<$0] } ?? "" }
    let (one, other) = (modules[index].name, modules[index + 1].name)
    return container(one) == container(other) && known[one]?.isInSequence == true && known[other]?.isInSequence == true
  }

  private mutating func add(_ module: StateModule, isLast: Bool) throws(DataError) {
    let (name, facts) = (module.name.quoted, known[module.name])
    switch module.kind {
    case .embedding(let vocabulary, let size): layers.append(Embedding(vocabulary, size))
    case .linear(_, let outputs): layers.append(Dense(outputs))
    case .matrix(let rows, _): layers.append(Dense(rows))
    case .layerNorm:
      let epsilon = facts?.number("eps")
      layers.append(LayerNorm(epsilon: Float(epsilon ?? 1e-5)))
      if epsilon == nil { notes.append("the epsilon of \(name) is taken as 1e-5") }
    case .batchNorm:
      let epsilon = facts?.number("eps")
      let momentum = facts?.number("momentum").map(Float.init) ?? 0.1
      layers.append(BatchNorm(epsilon: max(0, Float(epsilon ?? 1e-5)), momentum: min(max(0, momentum), 1)))
      if epsilon == nil { notes.append("the epsilon of \(name) is taken as 1e-5") }
    case .convolution(_, let outputs, let kernel):
      layers.append(try convolution(module.name, outputs, kernel, facts))
    case .recurrent(let shape):
      let isStep = isLast && assumptions.returning == .lastStep && assumptions.last == .step && shape.isBidirectional
      let returning: Returning = isLast && !isStep ? assumptions.returning : .everyStep
      let function = assumptions.function ?? (facts?.attributes["mode"] == "RNN_RELU" ? .relu : nil)
      let isRectifier = function == .relu || facts?.attributes["nonlinearity"] == "relu" && function == nil
      layers.append(module.recurrent(shape, returning: returning, isRectifier: isRectifier))
      if isStep { layers.append(LastStep()) }
      if shape.cell == .rnn, facts == nil {
        let taken = isRectifier ? "relu" : "tanh"
        let note = "the function of \(name) is taken as \(taken)"
        if assumptions.function == nil {
          openQuestions.append(note)
        } else {
          notes.append(note)
        }
      }
      if shape.levels > 1, facts == nil {
        notes.append("dropout between the levels of \(name) is not in the file; taken as 0")
      }
      if facts?.flag("batch_first") == false {
        notes.append("\(name) takes [time, batch, …] in PyTorch; here the batch is first")
      }
      if shape.isBidirectional, isLast, assumptions.returning == .lastStep, assumptions.last == nil {
        openQuestions.append(
          "of \(name) the last step is each direction's own: the forward one's last, the backward one's first")
      }
    }
  }

  private func convolution(
    _ name: String, _ outputs: Int, _ kernel: Int, _ facts: TorchModule?
  ) throws(DataError) -> Conv1D {
    let stride = facts?.numbers("stride")?.first.map { Int(clamping: Int64($0)) } ?? 1
    var padding = Conv1D.Padding.valid
    if facts?.attributes["padding"] == "same" { padding = .same }
    if let given = facts?.numbers("padding")?.first, given != 0 {
      guard given * 2 == Double(kernel - 1), stride == 1 else {
        throw DataError(
          .unsupportedContent,
          "\(name.quoted) pads \(given) steps, which Refrain has for a stride of 1 and 2·\(given) + 1",
          remedy: "export the model as ONNX")
      }
      padding = .same
    }
    if let dilation = facts?.numbers("dilation")?.first, dilation != 1 {
      throw DataError(.unsupportedContent, "\(name.quoted) is dilated", remedy: "export the model as ONNX")
    }
    return Conv1D(outputs, kernel: kernel, stride: max(1, stride), padding: padding)
  }

  /// Notes what is not known of what follows a module.
  private mutating func question(after index: Int, isKnown: Bool) {
    let module = modules[index]
    if case .convolution = module.kind, known[module.name] == nil {
      notes.append("\(module.name.quoted) is taken to have stride 1, no padding, no dilation and one group")
    }
    guard index + 1 < modules.count, !isKnown, assumptions.activations[module.name] == nil else { return }
    switch (module.kind, modules[index + 1].kind) {
    case (.recurrent, .recurrent), (.embedding, _): break
    default:
      openQuestions.append(
        "activations and dropout between \(module.name.quoted) and \(modules[index + 1].name.quoted) are not in the "
          + "file; none are taken")
    }
  }
}

extension StateModule {
  /// The layer of a recurrent module, without weights.
  fileprivate func recurrent(_ shape: RecurrentShape, returning: Returning, isRectifier: Bool) -> any Layer {
    switch shape.cell {
    case .lstm: shape.layer(of: LSTMCell.self, returning)
    case .gru: shape.layer(of: GRUCell.self, returning)
    case .rnn where isRectifier: shape.layer(of: ReLURNNCell.self, returning)
    case .rnn: shape.layer(of: TanhRNNCell.self, returning)
    case .projectedLSTM:
      shape.layer(of: ProjectedLSTMCell.self, returning, options: ProjectedLSTMCell.Options(cellSize: shape.cellSize))
    }
  }
}

extension RecurrentShape {
  /// The layer of a cell, as simple as the sizes let it be.
  fileprivate func layer<Cell: RecurrentCell>(
    of cell: Cell.Type, _ returning: Returning, options: Cell.Options = Cell.Options()
  ) -> any Layer {
    func layer<Level: RecurrentLayer>(_ level: Level.Type, _ options: Level.Options) -> any Layer {
      levels == 1
        ? Level(hidden, returning: returning, options: options)
        : Stacked<Level>(Array(repeating: hidden, count: levels), returning: returning, options: options)
    }
    return isBidirectional ? layer(Bidirectional<Cell>.self, options) : layer(Recurrent<Cell>.self, options)
  }
}
