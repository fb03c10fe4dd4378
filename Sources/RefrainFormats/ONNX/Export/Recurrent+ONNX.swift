import Refrain
import RefrainData

/// A recurrent layer, alone or as a level of a pile.
protocol ONNXRecurrentLayer: RecurrentLayer, ONNXExportable {
  /// Adds all its steps to a graph.
  ///
  /// - Parameters:
  ///   - input: `[T, B, I]`
  ///   - name: what its tensors are called.
  ///   - level: the number of the level that it is of a pile, which is part of these names.
  ///   - graph: where its operators go.
  /// - Returns: the outputs `[T, B, …]`, 0 past each length, and those at the last valid steps, `[B, …]`.
  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue)
}

extension ONNXRecurrentLayer {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    graph.closingGaps(of: input, hasSteps: returning == .everyStep) { input, graph in
      let result = exportScan(graph.swappingBatchAndTime(input), named: name, level: 0, to: &graph)
      return returning == .everyStep ? graph.swappingBatchAndTime(result.outputs) : result.last
    }
  }
}

extension Recurrent: ONNXExportable, ONNXRecurrentLayer {
  public var onnxObstacles: [String] { cell.onnxObstacles(regularization) }

  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    let (outputs, state) = graph.addRecurrent(
      [self], direction: configuration.direction == .forward ? "forward" : "reverse", input, named: name, level: level)
    return (graph.squeezed(outputs, axis: 1), graph.squeezed(state[0], axis: 0))
  }
}

extension Bidirectional: ONNXExportable, ONNXRecurrentLayer {
  public var onnxObstacles: [String] { forward.onnxObstacles }

  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    let (outputs, state) = graph.addRecurrent(
      [forward, backward], direction: "bidirectional", input, named: name, level: level)
    let merge = configuration.merge
    return (merge.export(outputs, axis: 1, to: &graph), merge.export(state[0], axis: 0, to: &graph))
  }
}

extension Merge {
  /// Adds the merging of what stands along an axis, `[…, 2, B, H]`, to a graph.
  fileprivate func export(
    _ value: ONNXGraphValue, axis: Int, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    switch self {
    case .concatenate, .separate:
      // […, B, 2, H]
      let order = Array(0..<axis) + [axis + 1, axis, axis + 2]
      let apart = graph.add("Transpose", [value], ["perm": .integers(order)])
      guard self == .concatenate else { return apart }
      return graph.add(
        "Reshape", [apart, graph.integers(Array(repeating: 0, count: axis + 1) + [-1])], rank: axis + 2)
    case .sum, .average:
      let sum = graph.add(
        "ReduceSum", [value, graph.integers([axis])], rank: value.rank - 1, ["keepdims": .integer(0)])
      return self == .sum ? sum : graph.product(sum, graph.scalar(0.5))
    case .multiply:
      let parts = graph.add(
        "Split", [value, graph.integers([1, 1])], ranks: [value.rank, value.rank], ["axis": .integer(axis)])
      return graph.squeezed(graph.product(parts[0], parts[1]), axis: axis)
    }
  }
}

extension ONNXGraphBuilder {
  /// Adds a recurrent operator with its states.
  ///
  /// - Parameters:
  ///   - layers: the layer of each direction.
  ///   - direction: what ONNX calls them.
  ///   - input: `[T, B, I]`
  /// - Returns: the outputs `[T, D, B, H]` and the states after the last valid steps, `[D, B, H]` each.
  fileprivate mutating func addRecurrent<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], direction: String, _ input: ONNXGraphValue, named name: String, level: Int
  ) -> (outputs: ONNXGraphValue, states: [ONNXGraphValue]) {
    let operators = layers.compactMap { ($0.cell as? any ONNXCell)?.onnxOperator }
    let kind = operators[0]
    func tensorName(_ letter: String) -> String { joined(name, "\(letter)_l\(level)") }
    let names = layers[0].cell.initialState(batch: 1).namedTensors.map(\.name)
    let sizes = layers[0].cell.initialState(batch: 1).tensors.map { $0.shape[1] }

    var initial: [ONNXGraphValue?] = []
    for (index, state) in names.enumerated() {
      let extents: [Extent] = [.fixed(layers.count), .named("batch"), .fixed(sizes[index])]
      if options.states {
        initial.append(addInput("initial." + joined(name, "\(state)_l\(level)"), .float32, extents))
      } else {
        initial.append(learned(layers, index, tensorName("initial_\(state)"), input))
      }
    }
    let peepholes = operators.compactMap(\.peepholes)
    let operands: [ONNXGraphValue?] = [
      input, weight(tensorName("W"), stack(operators.map(\.weightInput))),
      weight(tensorName("R"), stack(operators.map(\.weightHidden))),
      weight(tensorName("B"), stack(operators.map(\.bias))), sequenceLengths,
    ]
    let results = add(
      kind.name,
      operands + initial + (peepholes.isEmpty ? [] : [weight(tensorName("P"), stack(peepholes))]),
      ranks: [4] + names.map { _ in 3 }, attributes(kind, direction: direction, directions: layers.count))
    var states = Array(results.dropFirst())
    for (index, state) in states.enumerated() {
      states[index] = kept(initial[index], state)
      guard options.states else { continue }
      addOutput(
        "final." + joined(name, "\(names[index])_l\(level)"), states[index],
        [.fixed(layers.count), .named("batch"), .fixed(sizes[index])])
    }
    return (results[0], states)
  }

  private func attributes(
    _ kind: RecurrentOperator, direction: String, directions: Int
  ) -> [String: Attribute] {
    var attributes = kind.attributes
    attributes["hidden_size"] = .integer(kind.hiddenSize)
    if direction != "forward" { attributes["direction"] = .text(direction) }
    guard !kind.activations.isEmpty else { return attributes }
    let functions = Array(repeating: kind.activations, count: directions).flatMap { $0 }
    attributes["activations"] = .texts(functions)
    // The factor and the shift of each function that has them.
    let affine = functions.count { $0 == "Affine" }
    if affine > 0 {
      attributes["activation_alpha"] = .floats(Array(repeating: 1, count: affine))
      attributes["activation_beta"] = .floats(Array(repeating: 0, count: affine))
    }
    return attributes
  }

  /// The lengths in the type that recurrent operators want.
  private var sequenceLengths: ONNXGraphValue? {
    mutating get { lengths.map { add("Cast", [$0], type: .int32, ["to": .integer(6)]) } }
  }

  /// A state that is learned, for every sequence of the input `[T, B, I]`; nil where it is zeros.
  private mutating func learned<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], _ index: Int, _ name: String, _ input: ONNXGraphValue
  ) -> ONNXGraphValue? {
    let rows = layers.compactMap { $0.learnedState?.tensors[index] }
    guard rows.count == layers.count else { return nil }
    let stored = weight(name, stack(rows))
    let shape = add(
      "Concat", [integers([1]), extent(input, axis: 1), integers([1])], ["axis": .integer(0)])
    return add("Expand", [stored, shape])
  }

  /// The state after the last step `[D, B, H]`, which where a sequence has no step is the one before: ONNX Runtime's
  /// operators give zeros there.
  private mutating func kept(_ initial: ONNXGraphValue?, _ state: ONNXGraphValue) -> ONNXGraphValue {
    guard let initial, let lengths else { return state }
    let isEmpty = add("Equal", [lengths, integers([0])], type: .bool)
    return select(unsqueezed(isEmpty, axes: [1]), initial, state)
  }
}
