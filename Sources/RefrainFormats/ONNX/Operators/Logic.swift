import Refrain
import RefrainData

// Comparisons and truth values; no gradient flows through these, but through what Where chooses.

extension ONNXOperators {
  private static func comparison(
    _ name: String, floats: @escaping @Sendable (Float, Float) -> Bool,
    _ integers: @escaping @Sendable (Int, Int) -> Bool,
    booleans: (@Sendable (Bool, Bool) -> Bool)? = nil
  ) -> ONNXOperator {
    ONNXOperator(name, inputs: 2...2) { call throws(DataError) in
      let (left, right, shape) = try call.pair()
      func compare<Element>(_ a: [Element], _ b: [Element], _ body: (Element, Element) -> Bool) -> [ONNXValue] {
        [ONNXValue(zipped(a, left.shape, b, right.shape, to: shape, body), shape: shape)]
      }
      if let a = left.tensor, let b = right.tensor { return compare(a.values, b.values, floats) }
      if let a = left.integers, let b = right.integers { return compare(a, b, integers) }
      guard let booleans, let a = left.booleans, let b = right.booleans else {
        throw call.fault("its inputs are truth values")
      }
      return compare(a, b, booleans)
    }
  }

  private static func logical(_ name: String, _ body: @escaping @Sendable (Bool, Bool) -> Bool) -> ONNXOperator {
    ONNXOperator(name, inputs: 2...2) { call throws(DataError) in
      let (a, b) = (try call.booleans(0), try call.booleans(1))
      let (left, right, shape) = try call.pair()
      return [ONNXValue(zipped(a, left.shape, b, right.shape, to: shape, body), shape: shape)]
    }
  }

  static let logic: [ONNXOperator] = [
    comparison("Equal", floats: { $0 == $1 }, { $0 == $1 }, booleans: { $0 == $1 }),
    comparison("Greater", floats: { $0 > $1 }, { $0 > $1 }),
    comparison("Less", floats: { $0 < $1 }, { $0 < $1 }),
    comparison("GreaterOrEqual", floats: { $0 >= $1 }, { $0 >= $1 }),
    comparison("LessOrEqual", floats: { $0 <= $1 }, { $0 <= $1 }),
    logical("And") { $0 && $1 },
    logical("Or") { $0 || $1 },
    logical("Xor") { $0 != $1 },
    ONNXOperator("Not") { call throws(DataError) in
      let values = try call.booleans(0)
      return [ONNXValue(values.map { !$0 }, shape: try call.input(0).shape)]
    },
    ONNXOperator("Where", inputs: 3...3) { call throws(DataError) in
      let condition = try call.booleans(0)
      let (mask, yes, no) = (try call.input(0), try call.input(1), try call.input(2))
      let shape = try call.broadcast(mask.shape, yes.shape, no.shape, of: yes.type)
      if let a = yes.tensor, let b = no.tensor {
        return [ONNXValue(Refrain.select(mask.asTensor, a, b), type: yes.type)]
      }
      guard yes.type == no.type else { throw call.fault("what it chooses from is of two types") }
      // Both after one another, and of each place the one that is chosen.
      let (first, second) = (repeatedPlaces(of: yes.shape, in: shape), repeatedPlaces(of: no.shape, in: shape))
      let chosen = repeatedPlaces(of: mask.shape, in: shape).enumerated().map { place, at in
        condition[at] ? first[place] : yes.count + second[place]
      }
      return [ONNXValue.flattened([yes, no]).picking(chosen, shape: shape)]
    },
  ]
}
