import Refrain
import RefrainData

// Lists of values, which PyTorch's exporter makes of Python's lists in loops.

extension ONNXOperators {
  static let sequences: [ONNXOperator] = [
    ONNXOperator("SequenceEmpty", inputs: 0...0, ["dtype": .integer]) { call throws(DataError) in
      let number = call.node.integer("dtype").flatMap { Int32(exactly: $0) } ?? 1
      guard let type = ElementType(onnx: number) else { throw call.fault("its type is not supported") }
      return [ONNXValue(sequence: [], type: type)]
    },
    ONNXOperator("SequenceConstruct", inputs: 1...65_536) { call throws(DataError) in
      let values = try call.allInputs()
      return [ONNXValue(sequence: values, type: values[0].type)]
    },
    ONNXOperator("SequenceInsert", inputs: 2...3) { call throws(DataError) in
      var values = try call.sequence(0)
      let value = try call.input(1)
      guard values.isEmpty || value.type == values[0].type else { throw call.fault("its values are of two types") }
      values.insert(value, at: try position(call, 2, of: values.count + 1, absent: values.count))
      return [ONNXValue(sequence: values, type: value.type)]
    },
    ONNXOperator("SequenceErase", inputs: 1...2) { call throws(DataError) in
      var values = try call.sequence(0)
      guard !values.isEmpty else { throw call.fault("its sequence is empty") }
      values.remove(at: try position(call, 1, of: values.count, absent: values.count - 1))
      return [ONNXValue(sequence: values, type: try call.input(0).type)]
    },
    ONNXOperator("SequenceAt", inputs: 2...2) { call throws(DataError) in
      let values = try call.sequence(0)
      return [values[try position(call, 1, of: values.count, absent: 0)]]
    },
    ONNXOperator("SequenceLength") { call throws(DataError) in
      [ONNXValue([try call.sequence(0).count], shape: [])]
    },
    ONNXOperator("ConcatFromSequence", ["axis": .integer, "new_axis": .integer]) { call throws(DataError) in
      var values = try call.sequence(0)
      guard let first = values.first, let given = call.node.integer("axis") else {
        throw call.fault("its sequence is empty, or its axis is missing")
      }
      if call.node.integer("new_axis") ?? 0 != 0 {
        guard first.rank < mostAxes, values.allSatisfy({ $0.rank == first.rank }) else {
          throw call.fault("its values are of different ranks")
        }
        let axis = try call.axis(given, rank: first.rank + 1)
        values = values.map { $0.reshaped(Array($0.shape[..<axis]) + [1] + Array($0.shape[axis...])) }
      }
      return try concatenate(ONNXCall(node: call.node, inputs: values, limits: call.limits))
    },
    ONNXOperator("SplitToSequence", inputs: 1...2, ["axis": .integer, "keepdims": .integer]) { call throws(DataError) in
      let value = try call.input(0)
      let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
      let extent = value.shape[axis]
      var sizes = try call.optionalIntegers(1) ?? Array(repeating: 1, count: extent)
      if call.optional(1)?.rank == 0, let size = sizes.first {
        guard size > 0 else { throw call.fault("parts of \(size) are not what it can make") }
        sizes = stride(from: 0, to: extent, by: size).map { min(size, extent - $0) }
      }
      var (parts, start): ([ONNXValue], Int) = ([], 0)
      for size in sizes {
        guard size >= 0, size <= extent - start else { throw call.fault("the parts \(sizes) are more than \(extent)") }
        var part = value.slice(start..<start + size, axis: axis)
        if call.optional(1) == nil, call.node.integer("keepdims") ?? 1 == 0 {
          part = part.reshaped(Array(value.shape[..<axis]) + Array(value.shape[(axis + 1)...]))
        }
        parts.append(part)
        start += size
      }
      guard start == extent else { throw call.fault("the parts \(sizes) are less than \(extent)") }
      return [ONNXValue(sequence: parts, type: value.type)]
    },
  ]

  /// A place in a list of `count`, which may be counted from the end.
  private static func position(
    _ call: ONNXCall, _ index: Int, of count: Int, absent: Int
  ) throws(DataError) -> Int {
    guard let given = try call.optionalIntegers(index) else { return absent }
    // Where something is put in there is a place more than there are values to count back over.
    let values = index == 2 ? count - 1 : count
    guard given.count == 1, given[0] >= -values, given[0] < count else {
      throw call.fault("the position \(given.prefix(2)) is not in a list of \(values)")
    }
    return given[0] < 0 ? given[0] + values : given[0]
  }

  /// The operators that take lists; to all others a list is a fault.
  static let takingSequences: Set<String> = Set(sequences.map(\.name) + ["Identity", "If", "Loop"])
}

extension ONNXCall {
  /// Input number `index` as a list.
  func sequence(_ index: Int) throws(DataError) -> [ONNXValue] {
    guard let values = try input(index).sequence else { throw fault("its input \(index) is no sequence") }
    return values
  }
}
