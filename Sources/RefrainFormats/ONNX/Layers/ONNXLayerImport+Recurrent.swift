import Refrain
import RefrainData

extension ONNXLayerImport {
  /// The results of a recurrent operator: the outputs of every step and the last states.
  mutating func recurrent(_ node: ONNXNode, _ stream: ONNXStream) -> [Meaning] {
    noteOrder(stream.axes)
    guard let stream = stream.settled, stream.axes == [.time, .batch, .feature],
      let slot = node.inputs.first.flatMap({ $0 }), case .stream = meanings[slot],
      var layer = recurrentLayer(node, stream)
    else { return [] }
    if stream.isReversed {
      // Forward through steps in reverse is backward.
      guard layer.cells.count == 1 else { return [] }
      layer.direction = layer.direction == .forward ? .backward : .forward
    }
    func result(_ returning: Returning, _ axes: [ONNXStream.Axis], _ index: Int) -> Meaning {
      var (layer, result) = (layer, stream)
      layer.returning = returning
      guard result.layers.append(.recurrent(layer)) else { return .given }
      result.axes = axes
      if returning == .lastStep { result.isReversed = false }
      result.source = index < node.outputs.count ? node.outputs[index] ?? -1 : -1
      return .stream(result)
    }
    // The last cell state is no layer's output, but that of the graph may be.
    return [
      result(.everyStep, [.time, .direction, .batch, .feature], 0),
      result(.lastStep, [.direction, .batch, .feature], 1),
      .given,
    ]
  }

  private mutating func recurrentLayer(_ node: ONNXNode, _ stream: ONNXStream) -> ImportedRecurrent? {
    for (index, slot) in node.inputs.enumerated().dropFirst(4) {
      let isState = (5...6).contains(index)
      switch slot.flatMap({ meanings[$0] }) {
      case nil: break
      case .constant where index != 4: break
      case .given where index == 4, .given where isState, .zeros where isState, .repeated where isState: break
      case .steps where index == 4 && stream.findsSteps: break
      default: return nil
      }
    }
    guard let (call, cells) = cells(node), let learned = learnedStates(node, call) else { return nil }
    return ImportedRecurrent(
      node: node.outputs.compactMap(\.self).first ?? -1, cells: cells,
      direction: call.attributes.directions[0].direction, learned: learned.isEmpty ? nil : learned,
      returning: .everyStep)
  }

  /// The cell of each direction of a recurrent operator, all of one kind, whatever its input, lengths and states.
  mutating func cells(_ node: ONNXNode) -> (call: ONNXRecurrentCall, cells: [any RecurrentCell])? {
    guard let weight = constant(node, 1), weight.rank == 3, weight.count > 0, let recurrent = constant(node, 2),
      node.integer("layout") ?? 0 == 0, afford(2 * (weight.count + recurrent.count))
    else { return nil }
    // One step of one sequence stands for the input: the weights are looked at as in a run.
    var values: [ONNXValue?] = [ONNXValue(Tensor.zeros([1, 1, weight.shape[2]])), weight, recurrent]
    for index in node.inputs.indices.dropFirst(3) {
      let isWeight = index == 3 || index == 7
      guard !isWeight || node.inputs[index] == nil || constant(node, index) != nil else { return nil }
      values.append(isWeight ? constant(node, index) : nil)
    }
    guard let call = try? ONNXRecurrentCall(ONNXCall(node: node, inputs: values, largestValue: 1 << 28)) else {
      return nil
    }
    var cells: [any RecurrentCell] = []
    for index in call.attributes.directions.indices {
      guard let cell = try? call.cell(index) else { return nil }
      cells.append(cell)
    }
    return cells.allSatisfy { type(of: $0) == type(of: cells[0]) } ? (call, cells) : nil
  }

  /// For each direction its states before the first step, `[1, H]`; empty where they are zeros or the caller's, nil
  /// where they are something else.
  private func learnedStates(_ node: ONNXNode, _ call: ONNXRecurrentCall) -> [[Tensor]]? {
    let count = node.operation == "LSTM" ? 2 : 1
    let directions = call.attributes.directions.count
    var states: [Tensor?] = []
    for index in 5..<5 + count {
      switch index < node.inputs.count ? node.inputs[index].flatMap({ meanings[$0] }) : nil {
      case .constant(let value) where !value.isZero, .repeated(let value):
        guard let tensor = value.tensor, tensor.shape == [directions, 1, call.hiddenSize] else { return nil }
        states.append(tensor)
      default: states.append(nil)
      }
    }
    guard states.contains(where: { $0 != nil }) else { return [] }
    return (0..<directions).map { direction in
      states.map { $0?.at(direction, axis: 0) ?? .zeros([1, call.hiddenSize]) }
    }
  }

  // MARK: - Two directions

  /// The two directions of one layer joined, or nil where these are not they.
  func joined(_ node: ONNXNode, _ one: ONNXStream, _ other: ONNXStream) -> ONNXStream? {
    guard one.source == other.source, one.axes == other.axes, one.isReversed == other.isReversed, let half = one.half,
      let second = other.half,
      half + second == 1
    else { return nil }
    switch node.operation {
    case "Concat":
      let axis = node.integer("axis") ?? 0
      guard half == 0, axis == -1 || axis == one.axes.count - 1 else { return nil }
      return one.merging(.concatenate)
    case "Add": return one.merging(.sum)
    case "Mul": return one.merging(.multiply)
    default: return nil
    }
  }

  /// Two layers of one direction each on the same input, joined: TensorFlow's converter leaves the directions apart.
  func paired(_ node: ONNXNode, _ one: ONNXStream, _ other: ONNXStream) -> ONNXStream? {
    guard one.axes == other.axes, one.axes.last == .feature, !one.isReversed, !other.isReversed,
      case .recurrent(let first) = one.layers.last, case .recurrent(let second) = other.layers.last,
      one.layers.below.isIdentical(to: other.layers.below), first.cells.count == 1, second.cells.count == 1,
      first.direction != second.direction, first.returning == second.returning, first.node != second.node,
      (first.learned == nil) == (second.learned == nil),
      first.cells[0].hiddenSize == second.cells[0].hiddenSize, type(of: first.cells[0]) == type(of: second.cells[0])
    else { return nil }
    let merge: Merge
    let axis = node.integer("axis") ?? 0
    switch node.operation {
    case "Concat" where first.direction == .forward && (axis == -1 || axis == one.axes.count - 1): merge = .concatenate
    case "Add": merge = .sum
    case "Mul": merge = .multiply
    default: return nil
    }
    var (forward, backward) = (first, second)
    if first.direction == .backward { swap(&forward, &backward) }
    forward.cells += backward.cells
    forward.learned = forward.learned.flatMap { own in backward.learned.map { own + $0 } }
    forward.merge = merge
    return one.replacingLast(.recurrent(forward), at: result(of: node))
  }

  /// The directions joined by what is done along their axis.
  func reduced(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard let axes = integers(node, "axes", orInput: 1), axes.count == 1, node.integer("keepdims") ?? 1 == 0,
      let axis = stream.axes.firstIndex(of: .direction), axes[0] == axis || axes[0] + stream.axes.count == axis
    else { return nil }
    let merge: Merge = node.operation == "ReduceSum" ? .sum : node.operation == "ReduceMean" ? .average : .multiply
    return stream.merging(merge, removing: axis)
  }

  /// The mean of both directions, which is half their sum.
  func scaled(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard case .recurrent(var layer) = stream.layers.last, layer.merge == .sum,
      let factor = (constant(node, 0) ?? constant(node, 1))?.tensor, factor.count == 1, factor.values[0] == 0.5
    else { return nil }
    layer.merge = .average
    return stream.replacingLast(.recurrent(layer), at: result(of: node))
  }
}
