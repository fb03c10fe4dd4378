import Refrain
import RefrainData

// If and Loop: graphs of their own that run once, or as often as they want themselves.

extension ONNXOperators {
  static let branching: [ONNXOperator] = [
    ONNXOperator(
      "If", outputs: 65_536, ["then_branch": .graph, "else_branch": .graph], check: checkBranches, learned: []
    ) { call throws(DataError) in
      let condition = try call.booleans(0)
      guard condition.count == 1 else {
        throw call.fault("its condition has \(condition.count) values, and must have one")
      }
      guard let branch = call.node.graph(condition[0] ? "then_branch" : "else_branch") else {
        throw call.fault("it has no such branch")
      }
      return try branch.results(branch.prepared(call.outside), [], call)
    },
    ONNXOperator("Loop", inputs: 0...65_536, outputs: 65_536, ["body": .graph], check: checkLoop, run: loop),
  ]

  @Sendable private static func checkBranches(_ node: ONNXNode) throws(DataError) {
    for name in ["then_branch", "else_branch"] {
      guard let branch = node.graph(name) else { throw node.unsupported("it has no \(name)") }
      guard branch.inputs.isEmpty, branch.outputs.count >= node.outputs.count else {
        throw DataError(
          .damagedFile,
          "\(node.title): its \(name) has \(branch.inputs.count) inputs and \(branch.outputs.count) outputs, expected none "
            + "and \(node.outputs.count)")
      }
    }
  }

  /// The number of values that a Loop carries on.
  private static func carriedCount(_ node: ONNXNode) -> Int { max(0, node.inputs.count - 2) }

  @Sendable private static func checkLoop(_ node: ONNXNode) throws(DataError) {
    guard let body = node.graph("body") else { throw node.unsupported("it has no body") }
    let carried = carriedCount(node)
    guard body.inputs.count == carried + 2, body.outputs.count > carried,
      node.outputs.count <= body.outputs.count - 1
    else {
      throw DataError(
        .damagedFile,
        "\(node.title): it carries \(carried) values and has \(node.outputs.count) outputs, and its body has "
          + "\(body.inputs.count) inputs and \(body.outputs.count) outputs")
    }
  }

  /// Runs the body with the number of the iteration, the condition and what is carried, until the iterations are done
  /// or the condition is false; what else it gives is collected along a new first axis.
  @Sendable private static func loop(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    guard let body = call.node.graph("body") else { throw call.fault("it has no body") }
    func single<Value>(_ values: [Value]?, _ meaning: String) throws(DataError) -> Value? {
      guard values?.count ?? 1 == 1 else { throw call.fault("\(meaning) is not a single value") }
      return values?.first
    }
    let trips = try single(try call.optionalIntegers(0), "its number of iterations") ?? .max
    let condition = try single(call.optional(1) == nil ? nil : try call.booleans(1), "its condition")
    var goesOn = condition ?? true
    var carried: [ONNXValue] = []
    for index in 0..<carriedCount(call.node) { carried.append(try call.input(index + 2)) }
    let prepared = body.prepared(call.outside)
    var shown = body.outputs.dropFirst(1 + carried.count).map { _ in [ONNXValue]() }
    var iteration = 0
    // What is shown takes some memory even where it has no elements.
    var shownSize = 0
    defer { call.limits.budget.giveBack(shownSize) }
    while iteration < trips, goesOn {
      guard call.limits.takeIteration() else {
        throw call.fault(
          "the loops of a run together may go around \(call.limits.mostIterations) times, and it goes on")
      }
      let given = [ONNXValue([iteration], shape: []), ONNXValue([goesOn], shape: [])] + carried
      let results = try body.results(prepared, given, call)
      guard let next = try single(results[0].booleans, "its condition") else {
        throw call.fault("its condition is no truth value")
      }
      // Without a condition at the beginning it ends by its number of iterations alone, says the standard.
      goesOn = condition == nil && call.optional(0) != nil ? true : next
      carried = Array(results[1...carried.count])
      for (index, result) in results.dropFirst(1 + carried.count).enumerated() {
        let first = shown[index].first ?? result
        guard result.type == first.type, result.shape == first.shape else {
          throw call.fault("its output \(index) changes its shape or type")
        }
        try call.checkSize([iteration + 1] + result.shape, of: result.type)
        try call.limits.budget.take(MemoryLayout<ONNXValue>.stride, for: call.node.title + "'s output")
        shownSize += MemoryLayout<ONNXValue>.stride
        shown[index].append(result)
      }
      iteration += 1
    }
    for (index, values) in shown.enumerated() {
      carried.append(try call.joined(values, like: body.outputs[body.outputs.count - shown.count + index], axis: 0))
    }
    return carried
  }
}
