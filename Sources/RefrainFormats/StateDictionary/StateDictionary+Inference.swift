import Refrain
import RefrainData

/// A model that was made from weights alone.
public struct InferredModel: Sendable {
  /// The model, with the weights.
  public var model: Sequential
  /// The modules of the state dictionary, one for each layer of the model, by the layer's number: what
  /// `StateDictionary(_:naming:cells:)` wants to give the layers their names back.
  public var naming: [String: String]
  /// The layers that are cells in the state dictionary, such as `nn.LSTMCell`.
  public var cells: Set<String>
  /// What a state dictionary does not say, and what was assumed, in words.
  public var notes: [String]
}

/// The function of a simple recurrent network.
public enum ElmanFunction: String, CaseIterable, Sendable {
  case tanh, relu
}

extension StateDictionary {
  /// A model whose layers follow from the names and shapes, one after another in the order of the file; or, as a
  /// safetensors file may be sorted by name, in the only other order in which each layer gives what the next one takes.
  ///
  /// A module is known by its arrays: recurrent layers and cells by `weight_hh`, `nn.Linear` by a matrix with a bias,
  /// `nn.Conv1d` by a weight of three axes, `nn.LayerNorm` by one of one axis. A matrix without a bias is an
  /// `nn.Embedding` where it comes first or its columns are what the next layer wants, else an `nn.Linear`.
  ///
  /// A state dictionary holds no activations, dropout, strides or padding; ``InferredModel/notes`` say what was
  /// assumed.
  ///
  /// - Parameters:
  ///   - returning: what the last recurrent layer gives; those before it give every step.
  ///   - function: that of an `nn.RNN`, which is not in the file either.
  /// - Throws: `unsupportedContent` when a module is no layer that Refrain has, or a layer does not fit the one before.
  public func inferredModel(
    returning: Returning = .lastStep, function: ElmanFunction = .tanh
  ) throws(DataError) -> InferredModel {
    var modules = try StateModule.all(of: self)
    guard !modules.isEmpty else { throw DataError(.wrongInput, "there are no weights", remedy: "name another file") }
    var ordering: [String] = []
    if !StateDictionary.isChain(modules), let order = try StateDictionary.onlyChain(of: modules) {
      modules = order
      ordering = [
        "the order of the layers follows from their sizes: \(order.map(\.name.quoted).joined(separator: ", "))"
      ]
    }
    let ambiguous = StateDictionary.decideMatrices(&modules)
    try StateDictionary.checkChain(modules)

    let lastRecurrent = modules.lastIndex { if case .recurrent = $0.kind { true } else { false } }
    let layers = modules.enumerated().map { index, module in
      module.layer(returning: index == lastRecurrent ? returning : .everyStep, function: function)
    }
    var model = try StateDictionary.built(layers, for: modules)
    let naming = Dictionary(uniqueKeysWithValues: modules.enumerated().map { (String($0), $1.name) })
    let notes = try model.load(self, naming: naming)
    let cells = modules.indices.filter { modules[$0].isCell }.map(String.init)
    return InferredModel(
      model: model, naming: naming, cells: Set(cells),
      notes: ordering + notes + ambiguous + StateDictionary.notes(modules, returning: returning, function: function))
  }

  /// Whether each module gives what the next one takes.
  private static func isChain(_ modules: [StateModule]) -> Bool {
    var modules = modules
    _ = decideMatrices(&modules)
    return zip(modules, modules.dropFirst()).allSatisfy { $1.inputs == $0.outputs }
  }

  /// The modules in the only order that is a chain; nil when there is none.
  ///
  /// - Throws: `unsupportedContent` when there are several.
  private static func onlyChain(of modules: [StateModule]) throws(DataError) -> [StateModule]? {
    // Orders of more modules are too many to try, and hardly ever one alone.
    guard modules.count <= 10 else { return nil }
    var chains: [[StateModule]] = []
    func extend(_ chain: [StateModule], _ rest: [StateModule]) {
      if rest.isEmpty { chains.append(chain) }
      for (index, module) in rest.enumerated() where chains.count < 2 {
        let longer = chain + [module]
        guard isChain(longer) else { continue }
        var others = rest
        others.remove(at: index)
        extend(longer, others)
      }
    }
    extend([], modules)
    guard chains.count < 2 else {
      throw DataError(
        .unsupportedContent,
        "the layers may be in several orders, such as \(chains[0].map(\.name.quoted).joined(separator: ", "))",
        remedy: "save them as a .pt file, which keeps the order, or build the model with Sequential")
    }
    return chains.first
  }

  /// Makes each matrix without a bias an embedding or a linear layer; says where both were possible.
  private static func decideMatrices(_ modules: inout [StateModule]) -> [String] {
    var notes: [String] = []
    for index in modules.indices {
      guard case .matrix(let rows, let columns) = modules[index].kind else { continue }
      let next = index + 1 < modules.count ? modules[index + 1].inputs : nil
      // Only the first layer can be given indices.
      if index == 0, next == nil || next == columns {
        modules[0].kind = .embedding(vocabulary: rows, size: columns)
        if next == nil || rows == columns {
          notes.append("\(modules[0].name.quoted) may be an Embedding or a Linear without bias; taken as an Embedding")
        }
      } else {
        modules[index].kind = .linear(inputs: columns, outputs: rows)
      }
    }
    return notes
  }

  private static func checkChain(_ modules: [StateModule]) throws(DataError) {
    for (before, after) in zip(modules, modules.dropFirst()) {
      guard after.inputs != before.outputs else { continue }
      var reason = "the module \(after.name.quoted) takes \(after.inputs ?? 0) values a step, and \(before.name.quoted)"
      reason += " before it gives \(before.outputs)"
      if case .convolution = after.kind { reason += "; a convolution in groups is not supported" }
      throw DataError(
        .unsupportedContent, reason, remedy: "build the model with Sequential and load the weights into it")
    }
  }

  /// The layers with weights drawn for the input that the first module wants.
  private static func built(_ layers: [any Layer], for modules: [StateModule]) throws(DataError) -> Sequential {
    let hasSteps = modules.contains {
      switch $0.kind {
      case .recurrent, .convolution: true
      default: false
      }
    }
    let inputs = modules[0].inputs
    let inputShape: [Int?] = inputs.map { hasSteps ? [nil, $0] : [$0] } ?? [nil]
    var generator = RandomGenerator(seed: 0)
    var model = Sequential(exampleShape: inputShape, layers: [], using: &generator)
    model.layers = layers
    do throws(LayerError) {
      _ = try model.outputShape(for: model.inputShape)
    } catch {
      throw DataError(
        .unsupportedContent, "the modules make no chain of layers: \(error.description)",
        remedy: "let the recurrent layer return every step, or build the model with Sequential")
    }
    model.build(for: model.inputShape, using: &generator)
    return model
  }

  /// What the arrays do not tell.
  private static func notes(_ modules: [StateModule], returning: Returning, function: ElmanFunction) -> [String] {
    var notes: [String] = []
    for (index, module) in modules.enumerated() {
      let name = module.name.quoted
      switch module.kind {
      case .layerNorm: notes.append("the epsilon of \(name) is taken as 1e-5")
      case .convolution:
        notes.append("\(name) is taken to have stride 1, no padding, no dilation and one group")
      case .recurrent(let shape):
        if shape.cell == .rnn { notes.append("the function of \(name) is taken as \(function)") }
        if shape.levels > 1 { notes.append("dropout between the levels of \(name) is not in the file; taken as 0") }
        if shape.isBidirectional, returning == .lastStep {
          notes.append(
            "of \(name) the last step is each direction's own: the forward one's last, the backward one's first")
        }
      case .linear, .embedding, .matrix: break
      }
      guard index + 1 < modules.count else { continue }
      switch (module.kind, modules[index + 1].kind) {
      case (.recurrent, .recurrent), (.embedding, _): break
      case (.recurrent, _), (_, .recurrent), (_, _):
        notes.append(
          "activations and dropout between \(name) and \(modules[index + 1].name.quoted) are not in the file; none are taken"
        )
      }
    }
    return notes
  }
}

extension StateModule {
  /// The layer, without weights.
  fileprivate func layer(returning: Returning, function: ElmanFunction) -> any Layer {
    switch kind {
    case .embedding(let vocabulary, let size): Embedding(vocabulary, size)
    case .linear(_, let outputs): Dense(outputs)
    case .layerNorm: LayerNorm()
    case .convolution(_, let outputs, let kernel): Conv1D(outputs, kernel: kernel, padding: .valid)
    case .matrix(let rows, _): Dense(rows)
    case .recurrent(let shape):
      switch shape.cell {
      case .lstm: shape.layer(of: LSTMCell.self, returning)
      case .gru: shape.layer(of: GRUCell.self, returning)
      case .rnn where function == .relu: shape.layer(of: ReLURNNCell.self, returning)
      case .rnn: shape.layer(of: TanhRNNCell.self, returning)
      case .projectedLSTM:
        shape.layer(of: ProjectedLSTMCell.self, returning, options: ProjectedLSTMCell.Options(cellSize: shape.cellSize))
      }
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
