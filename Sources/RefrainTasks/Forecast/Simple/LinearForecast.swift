import Refrain

/// Future values as a linear function of the last ones, all steps at once: least squares with a penalty on what differs
/// from repeating the last season or value (ridge regression, Hoerl and Kennard 1970).
struct LinearForecast: Sendable {
  /// Sums over windows, from which the coefficients for any penalty follow.
  struct Sums {
    /// xᵀ x and xᵀ y, `[D, D]` and `[D, H]` by rows.
    private(set) var square: [Double]
    private(set) var product: [Double]
    private(set) var count = 0
    let inputs: Int
    let outputs: Int

    init(inputs: Int, outputs: Int) {
      self.inputs = inputs
      self.outputs = outputs
      square = Array(repeating: 0, count: inputs * inputs)
      product = Array(repeating: 0, count: inputs * outputs)
    }

    /// Adds windows: inputs `[N, D]` and targets `[N, H]`.
    mutating func add(_ x: Tensor, _ y: Tensor) {
      let rows = x.shape[0]
      guard rows > 0 else { return }
      let transposed = x.transposed
      let (squares, products) = (transposed.matrixProduct(x).values, transposed.matrixProduct(y).values)
      for index in square.indices { square[index] += Double(squares[index]) }
      for index in product.indices { product[index] += Double(products[index]) }
      count += rows
    }
  }

  /// `[D, H]` by rows.
  let weights: [Double]
  let outputs: Int

  /// The coefficients.
  ///
  /// - Parameter penalty: In units of the mean square of an input over all windows.
  init?(_ sums: Sums, penalty: Double) {
    guard sums.count > 0 else { return nil }
    let (inputs, outputs) = (sums.inputs, sums.outputs)
    var matrix = sums.square
    let mean = (0..<inputs).reduce(0) { $0 + matrix[$1 * inputs + $1] } / Double(inputs)
    guard mean > 0 else { return nil }
    for index in 0..<inputs { matrix[index * inputs + index] += penalty * mean + mean * 1e-6 }
    guard let factor = CholeskyFactor(matrix, size: inputs) else { return nil }
    var weights = [Double](repeating: 0, count: inputs * outputs)
    var column = [Double](repeating: 0, count: inputs)
    for output in 0..<outputs {
      for input in 0..<inputs { column[input] = sums.product[input * outputs + output] }
      let solved = factor.solve(column)
      for input in 0..<inputs { weights[input * outputs + output] = solved[input] }
    }
    guard weights.allSatisfy(\.isFinite) else { return nil }
    self.weights = weights
    self.outputs = outputs
  }

  /// Coefficients as a file holds them.
  ///
  /// - Parameter saved: `[D, H]`
  init(saved: Tensor) {
    weights = saved.values.map(Double.init)
    outputs = saved.shape[1]
  }

  /// The coefficients, `[D, H]`.
  var tensor: Tensor { Tensor(weights.map(Float.init), shape: [weights.count / max(outputs, 1), outputs]) }

  /// The same as they come back from a file, so that a saved model forecasts the same to the last bit.
  var asSaved: LinearForecast { LinearForecast(saved: tensor) }

  /// The outputs for one row of inputs.
  func callAsFunction(_ inputs: some Collection<Double>) -> [Double] {
    var result = [Double](repeating: 0, count: outputs)
    for (row, input) in inputs.enumerated() where input != 0 {
      for output in 0..<outputs { result[output] += input * weights[row * outputs + output] }
    }
    return result
  }
}
