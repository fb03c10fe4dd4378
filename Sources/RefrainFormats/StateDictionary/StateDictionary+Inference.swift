import Refrain
import RefrainData

extension StateDictionary {
  /// A model whose layers follow from the names and shapes, one after another in the order of the file; or, as a
  /// safetensors file may be sorted by name, in the only other order in which each layer gives what the next one takes.
  ///
  /// A module is known by its arrays: recurrent layers and cells by `weight_hh`, `nn.Linear` by a matrix with a bias,
  /// `nn.Conv1d` by a weight of three axes, `nn.LayerNorm` by one of one axis, `nn.BatchNorm1d` by its statistics. A
  /// matrix without a bias is an `nn.Embedding` where it comes first or its columns are what the next layer wants, else
  /// an `nn.Linear`.
  ///
  /// A state dictionary holds no activations, dropout, strides or padding; ``InferredModel/notes`` say what was
  /// assumed. Where the file holds the model itself, its modules tell some of it: the functions within an
  /// `nn.Sequential`, an `nn.RNN`'s function, the numbers of a convolution.
  ///
  /// - Parameter assumptions: what to take for what is not in the file.
  /// - Throws: `unsupportedContent` when a module is no layer that Refrain has, or a layer does not fit the one before;
  ///   `wrongInput` when an assumption is of a module that is not there.
  public func inferredModel(_ assumptions: StateAssumptions = StateAssumptions()) throws(DataError) -> InferredModel {
    // A single number is a counter of something, and no layer.
    func isCounter(_ entry: NamedArray) -> Bool {
      entry.array.shape.isEmpty && TensorName(entry.name).stem != "num_batches_tracked"
    }
    let counters = entries.filter(isCounter)
    let weights = counters.isEmpty ? self : try StateDictionary(entries.filter { !isCounter($0) })
    var modules = try StateModule.all(of: weights)
    guard !modules.isEmpty else { throw DataError(.wrongInput, "there are no weights", remedy: "name another file") }
    var ordering: [String] = []
    let ambiguous: [String]
    do throws(DataError) {
      if !StateDictionary.isChain(modules), let order = try StateDictionary.onlyChain(of: modules) {
        modules = order
        ordering = [
          "the order of the layers follows from their sizes: \(order.map(\.name.quoted).joined(separator: ", "))"
        ]
      }
      ambiguous = StateDictionary.decideMatrices(&modules)
      try StateDictionary.checkChain(modules)
    } catch {
      throw error.choosing(among: parts, under: assumptions.key)
    }
    let plan = try InferencePlan(modules, known: self.modules, assumptions)
    var model = try StateDictionary.built(plan.layers, for: modules)
    let notes = try model.load(weights, naming: plan.naming)
    let unread =
      self.unread.map { "left out, as its type cannot be read: \($0)" }
      + counters.map { "left out, as it is a single number: \($0.name.onOneLine)" }
    return InferredModel(
      model: model, naming: plan.naming, cells: plan.cells,
      notes: ordering + notes + unread + ambiguous + plan.notes + plan.openQuestions, openQuestions: plan.openQuestions)
  }

  /// The same with two of the assumptions.
  ///
  /// - Parameters:
  ///   - returning: what the last recurrent layer gives; those before it give every step.
  ///   - function: that of an `nn.RNN`, which is not in the file either.
  public func inferredModel(
    returning: Returning, function: ElmanFunction = .tanh
  ) throws(DataError) -> InferredModel {
    try inferredModel(StateAssumptions(returning: returning, function: function))
  }

  /// What the names of all arrays of modules begin with, where they are those of several models, such as `generator`
  /// and `discriminator`; none where there is one alone, or an array of another name.
  var parts: [String] {
    var parts: [String] = []
    for entry in entries {
      let names = entry.name.split(separator: ".", omittingEmptySubsequences: false)
      guard names.count > 2 else { return [] }
      let part = String(names[0])
      if !parts.contains(part) { parts.append(part) }
      // More of them are the layers of a list.
      guard parts.count <= 8 else { return [] }
    }
    return parts.count > 1 ? parts : []
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
}

extension DataError {
  /// The same error, of a file of several models; `parts` are what their names begin with.
  fileprivate func choosing(among parts: [String], under key: String?) -> DataError {
    guard !parts.isEmpty else { return self }
    var error = self
    error.remedy = StateDictionary.choice(among: parts, under: key)
    return error
  }
}

extension StateDictionary {
  /// How one of several parts is taken.
  static func choice(among parts: [String], under key: String? = nil) -> String {
    let flags = parts.map { part in "--key " + (key.map { "\($0)." } ?? "") + part }
    return "take a part with \(flags.dropLast().joined(separator: ", ")) or \(flags[flags.count - 1])"
  }
}
