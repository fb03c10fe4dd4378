import Refrain

extension Tensor {
  /// Of scores `[N, K]` one less the mean of the others, `[N]`: what speaks for all alike is no part of it.
  func margin(of place: Int, among count: Int) -> Tensor {
    let weights = (0..<count).map { $0 == place ? 1 : -1 / Float(max(1, count - 1)) }
    return matrixProduct(Tensor(weights, shape: [count, 1])).at(0, axis: 1)
  }
}
