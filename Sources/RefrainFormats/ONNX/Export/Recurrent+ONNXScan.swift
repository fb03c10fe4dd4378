import Refrain

extension RecurrentCell {
  /// The step as an operator without a name of its own.
  ///
  /// - Throws: what cannot be traced or written.
  fileprivate func onnxStep(_ regularization: Regularization) throws(Trace.Refusal) -> ONNXStep {
    let zoneout = [
      (StepMasks.Kind.keptHidden, regularization.zoneoutHidden), (.keptCell, regularization.zoneoutCell),
    ].filter { $0.1 > 0 }
    let step = try tracedStep(masks: zoneout.map { ($0.0, isShared: false) })
    let output = try tracedOutput()
    try step.checkONNX()
    try output.checkONNX()
    return ONNXStep(step: step, output: output, rates: zoneout.map(\.1))
  }

  /// Why a layer of the cell cannot be exported, if so.
  func onnxObstacles(_ regularization: Regularization) -> [String] {
    if isOneOperator(regularization) { return [] }
    do throws(Trace.Refusal) {
      _ = try onnxStep(regularization)
      return []
    } catch .dependsOnValues {
      return ["the cell \(Self.name), whose operations depend on the values it is given"]
    } catch {
      return ["the cell \(Self.name): \(error)"]
    }
  }

  /// Whether one of ONNX's recurrent operators does it all.
  func isOneOperator(_ regularization: Regularization) -> Bool {
    self is any ONNXCell && regularization.zoneoutHidden == 0 && regularization.zoneoutCell == 0
  }
}

/// What a cell does at a step.
private struct ONNXStep {
  let step: Trace
  /// What a state shows.
  let output: Trace
  /// The rates of zoneout, whose expectation is taken; the last inputs of the step before the weights.
  let rates: [Float]
}

/// One direction of a recurrent layer: a loop over its steps.
struct ONNXLoop<Cell: RecurrentCell> {
  let layer: Recurrent<Cell>
  /// What its tensors are called, such as `0`, and what the names of each end with, such as `_l0_reverse`.
  let name, suffix: String

  /// Adds an operator Scan to a graph.
  ///
  /// - Parameters:
  ///   - input: `[T, B, I]`
  ///   - states: those before the first step, `[B, …]` each.
  ///   - size: that of the batch, int64 `[1]`.
  /// - Returns: the outputs `[T, B, H]`, zero past each length, the states after the last valid steps, `[B, …]` each,
  ///   and what these show, `[B, H]`.
  func export(
    _ input: ONNXGraphValue, from states: [ONNXGraphValue], batch size: ONNXGraphValue,
    to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, states: [ONNXGraphValue], last: ONNXGraphValue) {
    guard let step = try? layer.cell.onnxStep(layer.regularization) else { return (input, states, input) }
    let rows = graph.reshaped(input, [-1, layer.cell.inputSize])
    var inputs = [rows] + states
    for rate in step.rates { inputs.append(graph.scalar(rate)) }
    for (name, tensor) in layer.cell.namedTensors {
      inputs.append(graph.weight(joined(self.name, name + suffix), tensor))
    }
    let divided = step.step.divided(constants: 1 + states.count..<inputs.count)
    var tracing = ONNXTracing(step.step, inputs: inputs)
    tracing.add(divided.ahead, batch: graph.extent(rows, axis: 0), to: &graph)

    let shapes = step.step.shapes
    // Without anything to go through there would be no steps.
    let between = divided.between.isEmpty ? [0] : divided.between
    var scanned: [ONNXGraphValue] = []
    for number in between {
      scanned.append(number == 0 ? input : graph.steps(tracing[number] ?? rows, of: input, shapes[number]))
    }
    let mask = graph.mask(of: input, timeFirst: true)
    func extents(_ number: Int) -> [ONNXGraphBuilder.Extent] {
      // What has rows of its own for each sequence has no size that goes by the name of the batch.
      let isBatch = number <= states.count
      return shapes[number].map { $0 == -1 ? .named(isBatch ? "batch" : "\(name).rows\(number)") : .fixed($0) }
    }
    let ports = (states.indices.map { $0 + 1 } + between).map { ONNXGraphBuilder.Port(shape: extents($0)) }
    let maskPort = ONNXGraphBuilder.Port(type: .bool, shape: [.named("batch"), .fixed(1)])
    let body = graph.body(of: joined(name, "scan" + suffix), taking: ports + (mask == nil ? [] : [maskPort])) {
      graph, given in
      for (number, value) in zip(Array(1..<states.count + 1) + between, given) { tracing[number] = value }
      tracing.add(divided.within, batch: size, to: &graph)
      let isThere = mask == nil ? nil : given.last
      var results: [(ONNXGraphValue, [ONNXGraphBuilder.Extent])] = []
      for index in states.indices {
        let next = tracing.output(index + 1, batch: size, to: &graph)
        results.append((graph.select(isThere, next, given[index]), extents(index + 1)))
      }
      let shown = tracing.output(0, batch: size, to: &graph)
      let extents: [ONNXGraphBuilder.Extent] = [.named("batch"), .fixed(layer.cell.hiddenSize)]
      return results + [(graph.select(isThere, shown, graph.scalar(0)), extents)]
    }
    let count = scanned.count + (mask == nil ? 0 : 1)
    var attributes: [String: ONNXGraphBuilder.Attribute] = ["body": body, "num_scan_inputs": .integer(count)]
    if layer.configuration.direction == .backward {
      // The padding comes first, and leaves the states as they are.
      attributes["scan_input_directions"] = .integers(Array(repeating: 1, count: count))
      attributes["scan_output_directions"] = .integers([1])
    }
    let results = graph.add("Scan", states + scanned + [mask], ranks: states.map(\.rank) + [3], attributes)
    let after = Array(results.dropLast())
    var shown = ONNXTracing(step.output, inputs: after)
    shown.add(Array(step.output.nodes.indices), batch: size, to: &graph)
    return (results[states.count], after, shown.output(0, batch: size, to: &graph))
  }
}

extension ONNXGraphBuilder {
  /// What there is of all steps of an input `[T, B, I]`, one after another, apart: `[T · B, …]` as `[T, B, …]`.
  ///
  /// - Parameter shape: its shape, the first size not known.
  fileprivate mutating func steps(
    _ rows: ONNXGraphValue, of input: ONNXGraphValue, _ shape: [Int]
  ) -> ONNXGraphValue {
    let extents = [extent(input, axis: 0), integers([-1] + shape.dropFirst())]
    return add("Reshape", [rows, add("Concat", extents, ["axis": .integer(0)])], rank: shape.count + 1)
  }

  /// One of two values `[B, …]` by a mask `[B, 1]`; the first where there is no mask.
  fileprivate mutating func select(
    _ mask: ONNXGraphValue?, _ yes: ONNXGraphValue, _ no: ONNXGraphValue
  ) -> ONNXGraphValue {
    guard let mask else { return yes }
    return select(unsqueezed(mask, axes: Array(2..<max(2, yes.rank))), yes, no)
  }
}
