import Refrain
import RefrainData
import RefrainFoundation

// Functions of two and more values, element by element and broadcast.

extension ONNXCall {
  /// Two inputs of one type, and the shape of both together.
  func pair() throws(DataError) -> (left: ONNXValue, right: ONNXValue, shape: [Int]) {
    let (left, right) = (try input(0), try input(1))
    guard left.type.isFloat && right.type.isFloat || left.type == right.type else {
      throw fault("its inputs are of the types \(left.type.onnxName) and \(right.type.onnxName), and must be of one")
    }
    return (left, right, try broadcast(left.shape, right.shape, of: left.type))
  }
}

/// The elements of two lists, each repeated to one shape.
func zipped<Left, Right, Result>(
  _ left: [Left], _ leftShape: [Int], _ right: [Right], _ rightShape: [Int], to shape: [Int],
  _ body: (Left, Right) -> Result
) -> [Result] {
  if leftShape == shape, rightShape == shape { return zip(left, right).map(body) }
  let places = zip(
    repeatedPlaces(of: leftShape, in: shape), repeatedPlaces(of: rightShape, in: shape))
  return places.map { body(left[$0], right[$1]) }
}

/// Where each value of `shape` stands in a value of shape `small`, repeated as NumPy does it.
func repeatedPlaces(of small: [Int], in shape: [Int]) -> [Int] {
  let padded = Array(repeating: 1, count: shape.count - small.count) + small
  return places(of: shape, strides: zip(padded, strides(of: padded)).map { $0 == 1 ? 0 : $1 })
}

extension ONNXOperators {
  /// An operator on floats or whole numbers; nil of these means that there is no result, as in a division by zero.
  private static func binary(
    _ name: String, _ attributes: [String: ONNXAttribute.Kind] = [:],
    integers: @escaping @Sendable (Int, Int) -> Int?, _ floats: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> ONNXOperator {
    ONNXOperator(name, inputs: 2...2, attributes) { call throws(DataError) in
      [try combine(call, integers, floats)]
    }
  }

  private static func combine(
    _ call: ONNXCall, _ integers: (Int, Int) -> Int?, _ floats: (Tensor, Tensor) -> Tensor
  ) throws(DataError) -> ONNXValue {
    let (left, right, shape) = try call.pair()
    if let a = left.tensor, let b = right.tensor { return call.like(0, floats(a, b)) }
    guard let a = left.integers, let b = right.integers else { throw call.fault("its inputs are truth values") }
    let results = zipped(a, left.shape, b, right.shape, to: shape, integers)
    guard !results.contains(nil) else { throw call.fault("a whole number was divided by zero") }
    return ONNXValue(results.compactMap(\.self), shape: shape, type: left.type)
  }

  static let arithmetic: [ONNXOperator] = [
    binary("Add", integers: { $0 &+ $1 }, { $0 + $1 }),
    binary("Sub", integers: { $0 &- $1 }, { $0 - $1 }),
    binary("Mul", integers: { $0 &* $1 }, { $0 * $1 }),
    binary("Div", integers: { $1 == 0 ? nil : $0.dividedReportingOverflow(by: $1).partialValue }, { $0 / $1 }),
    ONNXOperator("Mod", inputs: 2...2, ["fmod": .integer], run: remainder),
    ONNXOperator("Pow", inputs: 2...2, learned: [0], run: power),
    folding("Sum") { $0 + $1 },
    folding("Max", integers: { max($0, $1) }, { maximum($0, $1) }),
    folding("Min", integers: { min($0, $1) }, { minimum($0, $1) }),
    folding("Mean", isMean: true) { $0 + $1 },
  ]

  /// An operator on one or more inputs.
  private static func folding(
    _ name: String, integers: (@Sendable (Int, Int) -> Int)? = nil, isMean: Bool = false,
    _ floats: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> ONNXOperator {
    ONNXOperator(name, inputs: 1...1024) { call throws(DataError) in
      let values = try call.allInputs()
      _ = try call.broadcast(values.map(\.shape), of: values[0].type)
      if let integers, values[0].integers != nil {
        var (result, shape) = (try call.integers(0), values[0].shape)
        for index in values.indices.dropFirst() {
          let wide = try call.broadcast(shape, values[index].shape, of: values[0].type)
          result = zipped(result, shape, try call.integers(index), values[index].shape, to: wide, integers)
          shape = wide
        }
        return [ONNXValue(result, shape: shape, type: values[0].type)]
      }
      var result = try call.tensor(0)
      for index in values.indices.dropFirst() { result = floats(result, try call.tensor(index)) }
      return [call.like(0, isMean ? result / Float(values.count) : result)]
    }
  }

  /// The sign is that of the divisor, or with `fmod` that of the dividend.
  @Sendable private static func remainder(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let isTruncated = call.node.integer("fmod") ?? 0 != 0
    return [
      try combine(call) { left, right in
        if right == 0 { return nil }
        if right == -1 { return 0 }
        let rest = left % right
        return isTruncated || rest == 0 || (rest < 0) == (right < 0) ? rest : rest + right
      } _: { left, right in
        // The quotient's whole part is a constant almost everywhere.
        Refrain.combine(
          left, right,
          derivatives: ({ _, _ in 1 }, { isTruncated ? -($0 / $1).rounded(.towardZero) : -($0 / $1).rounded(.down) })
        ) { left, right in
          let rest = fmodf(left, right)
          return isTruncated || rest == 0 || (rest < 0) == (right < 0) ? rest : rest + right
        }
      }
    ]
  }

  /// The result has the type of the base, whatever the exponent is.
  @Sendable private static func power(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (base, exponent) = (try call.input(0), try call.input(1))
    let shape = try call.broadcast(base.shape, exponent.shape, of: base.type)
    if let a = base.integers, let b = exponent.integers {
      return [
        ONNXValue(
          zipped(a, base.shape, b, exponent.shape, to: shape) { $0.power($1) }, shape: shape, type: base.type)
      ]
    }
    guard base.booleans == nil, exponent.booleans == nil else { throw call.fault("its inputs are truth values") }
    let (x, y) = (base.asTensor, exponent.asTensor)
    let result = Refrain.combine(
      x, y,
      derivatives: (
        { x, y in y == 0 ? 0 : y * powf(x, y - 1) }, { x, y in x == 0 ? 0 : powf(x, y) * logf(x) }
      )
    ) { $1 == 2 ? $0 * $0 : powf($0, $1) }
    return [base.type.isFloat ? ONNXValue(result, type: base.type) : ONNXValue(result).cast(to: base.type)]
  }
}

extension Int {
  /// The power by a whole number, which wraps around; that by a negative one is what is left of a fraction.
  fileprivate func power(_ exponent: Int) -> Int {
    if exponent < 0 { return self == 1 ? 1 : self == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0 }
    var (result, base, left) = (1, self, exponent)
    while left > 0 {
      if left & 1 == 1 { result = result &* base }
      base = base &* base
      left >>= 1
    }
    return result
  }
}
