import Refrain
import RefrainData

// Scan, from operator set 9 on: a graph of its own that runs once a step, carries states on, and takes a part of some
// inputs at each step.

extension ONNXOperators {
  static let scans: [ONNXOperator] = [
    ONNXOperator(
      "Scan", inputs: 1...65_536, outputs: 65_536,
      [
        "body": .graph, "num_scan_inputs": .integer, "scan_input_axes": .integers,
        "scan_input_directions": .integers, "scan_output_axes": .integers, "scan_output_directions": .integers,
      ], check: { node throws(DataError) in _ = try ONNXScan(node) },
      run: { call throws(DataError) in try ONNXScan(call.node).run(call) })
  ]
}

/// The attributes of a Scan, checked.
private struct ONNXScan {
  /// Along which axis a value is gone through, and from which end.
  struct Way {
    var axis: Int
    var isBackward: Bool
  }

  let body: ONNXGraph
  /// How many values go from step to step.
  let states: Int
  let inputs: [Way]
  let outputs: [Way]

  /// - Throws: `unsupportedContent`, or `damagedFile` where the body does not fit the node.
  init(_ node: ONNXNode) throws(DataError) {
    guard node.opset >= 9 else {
      throw node.unsupported("it is of operator set 8", remedy: "export it for set 9 or later")
    }
    guard let body = node.graph("body"), let scanned = node.integer("num_scan_inputs") else {
      throw node.unsupported("it has no body, or does not say what it goes through")
    }
    guard scanned >= 1, scanned <= node.inputs.count, body.inputs.count == node.inputs.count,
      body.outputs.count >= node.inputs.count - scanned, node.outputs.count <= body.outputs.count
    else {
      throw DataError(
        .damagedFile,
        "\(node.title): it has \(node.inputs.count) inputs and \(node.outputs.count) outputs and goes through \(scanned), "
          + "and its body has \(body.inputs.count) inputs and \(body.outputs.count) outputs")
    }
    self.body = body
    states = node.inputs.count - scanned
    func ways(_ name: String, _ count: Int) throws(DataError) -> [Way] {
      let axes = node.integers("scan_\(name)_axes") ?? Array(repeating: 0, count: count)
      let directions = node.integers("scan_\(name)_directions") ?? Array(repeating: 0, count: count)
      guard axes.count == count, directions.count == count, directions.allSatisfy({ (0...1).contains($0) }) else {
        throw node.unsupported("its axes \(axes) or directions \(directions) are not of \(count) values")
      }
      return zip(axes, directions).map { Way(axis: $0, isBackward: $1 == 1) }
    }
    inputs = try ways("input", scanned)
    outputs = try ways("output", body.outputs.count - states)
  }

  func run(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    var carried = Array(try call.allInputs().prefix(states))
    var scanned: [(value: ONNXValue, axis: Int, isBackward: Bool)] = []
    for (index, way) in inputs.enumerated() {
      let value = try call.input(states + index)
      scanned.append((value, try call.axis(way.axis, rank: value.rank), way.isBackward))
    }
    let steps = scanned[0].value.shape[scanned[0].axis]
    guard scanned.allSatisfy({ $0.value.shape[$0.axis] == steps }) else {
      throw call.fault("what it goes through has not as many steps everywhere")
    }
    guard steps <= 4096 || scanned.contains(where: { $0.value.count >= steps }) else {
      throw call.fault("it would take \(steps) steps through nothing")
    }
    let prepared = body.prepared(call.outside)
    var shown = outputs.map { _ in [ONNXValue]() }
    for step in 0..<steps {
      let parts = scanned.map { $0.value.at($0.isBackward ? steps - 1 - step : step, axis: $0.axis) }
      let results = try body.results(prepared, carried + parts, call)
      for index in carried.indices {
        let next = results[index]
        guard next.type == carried[index].type, next.shape == carried[index].shape else {
          throw call.fault("its state \(index) changes its shape or type")
        }
        carried[index] = next
      }
      for (index, result) in results.dropFirst(states).enumerated() {
        let first = shown[index].first ?? result
        guard result.type == first.type, result.shape == first.shape else {
          throw call.fault("its output \(index) changes its shape or type")
        }
        // The steps that are still to come are as large.
        try call.checkSize([steps] + result.shape, of: result.type)
        shown[index].append(result)
      }
    }
    var results = carried
    for (index, way) in outputs.enumerated() {
      let values = way.isBackward ? shown[index].reversed() : shown[index]
      results.append(try call.joined(values, like: body.outputs[states + index], axis: way.axis))
    }
    return results
  }
}

extension ONNXCall {
  /// The values of all steps along a new axis.
  func joined(_ values: [ONNXValue], like port: ONNXPort, axis: Int) throws(DataError) -> ONNXValue {
    guard values.first?.sequence == nil else { throw fault("what it shows of each step is a sequence") }
    guard let first = values.first else {
      // Of no steps nothing is known but what the body says of itself.
      let shape = port.port.shape.map { $0 ?? 0 }
      let axis = try self.axis(axis, rank: shape.count + 1)
      let whole = shape[..<axis] + [0] + shape[axis...]
      try checkSize(Array(whole), of: port.port.type)
      return ONNXValue(Tensor.zeros(Array(whole))).cast(to: port.port.type)
    }
    let axis = try self.axis(axis, rank: first.rank + 1)
    let rows = ONNXValue.flattened(values).reshaped([values.count] + first.shape)
    return axis == 0 ? rows : rows.transposed(Array(1...axis) + [0] + (axis + 1..<first.rank + 1))
  }
}

extension ONNXValue {
  /// The part at one place of an axis, which it then has no longer.
  fileprivate func at(_ place: Int, axis: Int) -> ONNXValue {
    var shape = shape
    shape.remove(at: axis)
    return slice(place..<place + 1, axis: axis).reshaped(shape)
  }
}
