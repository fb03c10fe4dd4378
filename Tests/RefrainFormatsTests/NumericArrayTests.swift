import RefrainData
import Testing

@Suite struct `An array of numbers` {
  @Test func `keeps whole numbers whole`() {
    let array = NumericArray([(1 << 40) + 1], shape: [1])
    #expect(array.values == .integers([(1 << 40) + 1]))
    #expect(array.values.floats == [0x1p40])
  }
}
