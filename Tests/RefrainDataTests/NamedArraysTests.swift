import Refrain
import RefrainData
import Testing

@Suite("Arrays by name")
struct NamedArraysTests {
  private let file = SafeTensorsFile(tensors: [
    NamedArray(name: "x", shape: [2, 2], values: [1, 2, 3, 4]),
    NamedArray(name: "mask", array: NumericArray(type: .bool, shape: [3], values: .booleans([true, false, true]))),
  ])

  @Test("are tensors of the same shape")
  func tensors() throws {
    #expect(try file.tensor("x") == [[1, 2], [3, 4]])
    #expect(try file.tensor("mask") == [1, 0, 1])
    #expect(try Tensor(file.array("x")) == Tensor(file.tensors[0]))
    #expect(NumericArray([[1, 2]] as Tensor) == NumericArray([1, 2] as [Float], shape: [1, 2]))
    #expect(file.names == ["x", "mask"])
  }

  @Test("that are not there are an error with those that are")
  func missing() {
    let error = #expect(throws: DataError.self) { try file.tensor("y") }
    #expect(error?.description == "there is no array called 'y'; it has x, mask")
  }
}
